import { autograd, device, explain, HybridBlock, hybridize, nd } from 'tigon';
import * as nn from 'tigon/nn';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

class Net extends HybridBlock {
  hidden = new nn.Dense(8, { activation: 'relu' });
  output = new nn.Dense(3);
  override forward(x: nd.NDArray): nd.NDArray {
    return this.output(this.hidden(x)).softmax();
  }
}

const made = (): Net => {
  const net = new Net();
  net.initialize();
  net.hybridize();
  return net;
};

test('explains a block: graphs, kernels with bytes, refusals, memory, and the lines it came from', () => {
  const text = made()
    .explain(nd.ones([4, 5]))
    .text();
  assert.match(text, /Net: \d+ kernels, arena/);
  assert.match(text, /after trace: \d+ nodes/);
  assert.match(text, /reads .*B/);
  assert.match(text, /planned .* least possible/);
  assert.match(text, /hidden \(Dense\)/);
  assert.match(text, /explain\.test\.ts:\d+/);
});

test("shows Loop IR, Thread IR and the target's code on demand", () => {
  const explanation = made().explain(nd.ones([4, 5]));
  assert.match(explanation.text({ loop: true }), /\nkernel \w+\(/);
  assert.match(explanation.text({ thread: true }), /\nthread \w+\(/);
  const code = device.default().kind === 'webgpu' ? /@compute @workgroup_size/ : /\(func \$/;
  assert.match(explanation.text({ code: true }), code);
  assert.throws(() => explanation.text({ coda: true } as never), /coda.*code/s);
});

test('a recorded block has a forward and a backward program', () => {
  const net = made();
  const l = autograd.record(() => net(nd.ones([4, 5])).sum());
  l.backward();
  assert.equal(
    net.explain().programs.map((p) => p.part),
    ['forward', 'backward'],
  );
});

test('reports are plain data', () => {
  const f = hybridize((x: nd.NDArray) => x.exp().sum());
  f(nd.ones([4]));
  const [report] = JSON.parse(JSON.stringify(explain(f))) as { kernels: { name: string }[] }[];
  assert.equal(
    report!.kernels.map((k) => k.name),
    ['exp_sum'],
  );
});

test('pictures: DOT text for every program, SVG by Graphviz', async () => {
  const explanation = made().explain(nd.ones([4, 5]));
  const [dot] = explanation.dot();
  assert.match(dot!, /^digraph "Net" \{/);
  assert.match(dot!, /label="dot\\nf32\[4, 8\]"/);
  const [svg] = await explanation.svg();
  assert.match(svg!, /<svg[\s\S]*<\/svg>/);
});

test('explaining what was never called or never hybridized says what to do', () => {
  const net = made();
  assert.throws(() => net.explain(), /no compiled program yet[\s\S]*net\.explain\(x\)/);
  const plain = new Net();
  plain.initialize();
  assert.throws(() => plain.explain(nd.ones([4, 5])), /call net\.hybridize\(\) first/);
  assert.throws(() => explain(hybridize((x: nd.NDArray) => x)), /call it once/);
  assert.throws(() => explain(net), /no compiled program yet/);
});

test.run();
