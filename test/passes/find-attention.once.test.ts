/** Which compositions of products and a softmax are attention, and that they stay what they were. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultWgslCaps } from '../../src/codegen/wgsl/caps.ts';
import { assertAllClose } from '../../src/frontend/testing.ts';
import { autograd, explain, hybridize, nd, random } from '../../src/index.ts';
import { type Graph, topological } from '../../src/ir/graph/graph.ts';
import { interpretGraph } from '../../src/ir/graph/interpret.ts';
import { canonicalize } from '../../src/passes/canonicalize.ts';
import { findAttention } from '../../src/passes/find-attention.ts';
import { assertClose, random as generator, randomValues } from '../ir/graph/cases.ts';

type Array3 = (q: nd.NDArray, k: nd.NDArray, v: nd.NDArray) => nd.NDArray;

const [LEAD, QUERIES, KEYS, DEPTH, WIDTH] = [[2, 2], 14, 18, 8, 6] as const;
const turned = (k: nd.NDArray): nd.NDArray => k.transpose([0, 1, 3, 2]);
const padding = nd.arange(KEYS).lt(13);
const bias = nd.sin(nd.arange(QUERIES * KEYS).astype('float32')).reshape([QUERIES, KEYS]);
const later = (): nd.NDArray => nd.triu(nd.ones([QUERIES, KEYS]), 1);
const scoresOf = (q: nd.NDArray, k: nd.NDArray): nd.NDArray => nd.matmul(q, turned(k)).div(3);
const flat = (x: nd.NDArray): nd.NDArray => x.reshape([4, ...x.shape.slice(2)]);

/** Attributes of the attention that each is, when it is found. */
const FOUND: Readonly<Record<string, readonly [Array3, Readonly<Record<string, unknown>>]>> = {
  'products of matrices, divided scores': [
    (q, k, v) => nd.matmul(scoresOf(q, k).softmax(), v),
    { causal: false },
  ],
  'einsum, scaled queries, heads behind positions': [
    (q, k, v) => {
      const [a, b, c] = [q, k, v].map((x) => x.transpose([0, 2, 1, 3])) as [
        nd.NDArray,
        nd.NDArray,
        nd.NDArray,
      ];
      const shares = nd.einsum('bqhd,bkhd->bhqk', a.mul(0.3), b).softmax();
      return nd.einsum('bhqk,bkhd->bqhd', shares, c).transpose([0, 2, 1, 3]);
    },
    { scale: 1 },
  ],
  'products of batches, values first': [
    (q, k, v) => {
      const shares = nd.batchDot(flat(q), flat(k), { transposeB: true }).mul(0.5).softmax();
      const result = nd.batchDot(flat(v), shares, { transposeA: true, transposeB: true });
      return result.transpose([0, 2, 1]).reshape([...LEAD, QUERIES, WIDTH]);
    },
    { scale: 0.5 },
  ],
  'chosen scores of keys up to the query': [
    (q, k, v) => {
      const past = nd.tril(nd.ones([QUERIES, KEYS])).eq(1);
      return nd.matmul(nd.where(past, scoresOf(q, k), -1e9).softmax(), v);
    },
    { causal: true },
  ],
  'what is added to scores behind the query': [
    (q, k, v) => nd.matmul(scoresOf(q, k).add(later().mul(-1e9)).softmax(), v),
    { causal: true, biased: false },
  ],
  'a mask of padding, by a number': [
    (q, k, v) => nd.matmul(nd.where(padding, scoresOf(q, k), -1e6).softmax(), v),
    { causal: false, fill: -1e6 },
  ],
  'the opposite of a mask, by infinity, and what lies behind': [
    (q, k, v) => {
      const s = nd.where(later().gt(0), Number.NEGATIVE_INFINITY, scoresOf(q, k));
      return nd.matmul(nd.where(padding.logicalNot(), Number.NEGATIVE_INFINITY, s).softmax(), v);
    },
    { causal: true },
  ],
  'a bias, and dropout': [
    (q, k, v) => nd.matmul(nd.dropout(scoresOf(q, k).sub(bias).softmax(), 0.3), v),
    { biased: true, dropout: true },
  ],
  'spelled out, exponentials over their sum': [
    (q, k, v) => {
      const powers = scoresOf(q, k).exp();
      return nd.matmul(powers.div(powers.sum({ axis: -1, keepDims: true })), v);
    },
    { causal: false },
  ],
  'masked row by row, as one matrix, and dropout': [
    (q, k, v) => {
      const s = scoresOf(q, k);
      const wide = s.reshape([4 * QUERIES, KEYS]);
      const shares = nd.where(padding, wide, -1e6).reshape(s.shape).softmax();
      return nd.matmul(nd.dropout(shares, 0.4), v);
    },
    { dropout: true, fill: -1e6 },
  ],
};

const REFUSED: Readonly<Record<string, (...x: Parameters<Array3>) => readonly nd.NDArray[]>> = {
  'shares that are results too': (q, k, v) => {
    const shares = scoresOf(q, k).softmax();
    return [nd.matmul(shares, v), shares];
  },
  'scores that are used elsewhere': (q, k, v) => {
    const s = scoresOf(q, k);
    return [nd.matmul(s.softmax(), v), s.max()];
  },
  'shares along queries': (q, k, v) => [nd.matmul(scoresOf(q, k).softmax({ axis: 2 }), v)],
  'shares of two arrays': (q, k, v) => {
    const shares = scoresOf(q, k).softmax();
    return [nd.matmul(shares, v), nd.matmul(shares, v.exp())];
  },
  'numbers too low to share evenly': (q, k, v) => [
    nd.matmul(nd.where(padding, scoresOf(q, k), -3e38).softmax(), v),
  ],
  'two numbers for what is hidden': (q, k, v) => [
    nd.matmul(nd.where(padding, nd.where(bias.gt(0), scoresOf(q, k), -5), -9).softmax(), v),
  ],
  'a bias of hidden scores': (q, k, v) => [
    nd.matmul(nd.where(padding, scoresOf(q, k), -5).add(bias).softmax(), v),
  ],
  'shares that are changed': (q, k, v) => [nd.matmul(scoresOf(q, k).softmax().square(), v)],
  'double precision': (q, k, v) => {
    const [a, b] = [q, k].map((x) => x.astype('float64'));
    return [nd.matmul(scoresOf(a!, b!).softmax(), v.astype('float64'))];
  },
};

const operands = (): [nd.NDArray, nd.NDArray, nd.NDArray] => [
  random.normal([...LEAD, QUERIES, DEPTH]),
  random.normal([...LEAD, KEYS, DEPTH]),
  random.normal([...LEAD, KEYS, WIDTH]),
];

/** The graph of a function of arrays as it was traced, in one form. */
const tracedOf = (f: (...x: nd.NDArray[]) => unknown, inputs: readonly nd.NDArray[]): Graph => {
  const compiled = hybridize(f);
  compiled(...inputs);
  const stage = explain(compiled).programs[0]!.compiled.stages[0]!;
  if (stage.level !== 'graph') throw new Error('the first stage is a graph');
  return canonicalize.run(stage.graph, { note: () => {} });
};

const found = (graph: Graph): { readonly graph: Graph; readonly notes: readonly string[] } => {
  const notes: string[] = [];
  const pass = findAttention(defaultWgslCaps);
  return { graph: pass.run(graph, { note: (text) => notes.push(text) }), notes };
};

const named = (graph: Graph, name: string): readonly Readonly<Record<string, unknown>>[] =>
  topological(graph).flatMap(({ op, attrs }) => (op.name === name ? [attrs] : []));

const same = (before: Graph, after: Graph): void => {
  const next = generator(7);
  const data = before.inputs.map((x) =>
    // weights of results first, then arrays: what is drawn from is small
    x.type.dtype === 'float32' ? randomValues(next, x.type) : randomValues(next, x.type, [0, 40]),
  );
  const [wanted, got] = [before, after].map((g) => interpretGraph(g, data));
  const pairs = [
    ...wanted!.outputs.map((x, i) => [x, got!.outputs[i]!] as const),
    ...wanted!.assigns.map((x, i) => [x, got!.assigns[i]!] as const),
  ];
  for (const [x, y] of pairs) assertClose(y, x, 2e-5, 'attention that was found');
};

for (const [name, [f, attrs]] of Object.entries(FOUND))
  test(`attention: ${name}`, () => {
    // gradients of a softmax that is spelled out are not known again
    const isSpelled = name.startsWith('spelled');
    const inputs = operands().map((x) => x.attachGrad());
    const weights = random.normal([...LEAD, QUERIES, WIDTH]);
    const forward = tracedOf(f as never, inputs);
    const step = tracedOf((...x) => {
      const y = autograd.record(() => f(x[0]!, x[1]!, x[2]!));
      y.backward(weights);
      return y;
    }, inputs);
    for (const graph of isSpelled ? [forward] : [forward, step]) {
      const { graph: after, notes } = found(graph);
      assert.is(named(after, 'softmax').length, 0, notes.join('\n'));
      const [own, ...others] = named(after, 'attention');
      assert.is(others.length, 0);
      for (const [key, value] of Object.entries(attrs)) assert.is(own![key], value, key);
      assert.match(notes.join(), /attention/);
      same(graph, after);
    }
    if (isSpelled) return;
    const { graph: after } = found(step);
    for (const to of ['Query', 'Key', 'Value'])
      assert.is(named(after, `attentionGrad${to}`).length, 1, to);
  });

for (const [name, f] of Object.entries(REFUSED))
  test(`no attention: ${name}`, () => {
    const graph = tracedOf(f as never, operands());
    assert.is(found(graph).graph, graph);
  });

test('no attention where the bias has a gradient', () => {
  const own = nd.zeros([QUERIES, KEYS]).attachGrad();
  const graph = tracedOf(
    (...x) => {
      const y = autograd.record(() => nd.matmul(scoresOf(x[0]!, x[1]!).add(own).softmax(), x[2]!));
      y.backward();
      return y;
    },
    operands().map((x) => x.attachGrad()),
  );
  const { graph: after, notes } = found(graph);
  assert.is(after, graph);
  assert.match(notes.join(), /used elsewhere/);
});

test('long sequences, recorded outside: the same as without looking, and nothing as long as pairs', async () => {
  const inputs = [
    random.normal([4, 530, 8]),
    random.normal([4, 530, 8]),
    random.normal([4, 530, 8]),
  ];
  const f = (q: nd.NDArray, k: nd.NDArray, v: nd.NDArray): nd.NDArray => {
    const scores = nd.batchDot(q, k, { transposeB: true }).mul(0.4);
    const past = nd.tril(nd.ones([530, 530])).eq(1);
    return nd.batchDot(nd.dropout(nd.where(past, scores, -1e9).softmax(), 0.2), v);
  };
  const apart = (g: typeof f) => (): nd.NDArray[] => {
    random.seed(3);
    const own = inputs.map((x) => x.mul(1).attachGrad());
    const y = autograd.record(() => g(own[0]!, own[1]!, own[2]!));
    y.backward();
    return [y, ...own.map((x) => x.grad!)];
  };
  const compiled = hybridize(f);
  const wanted = apart(hybridize(f, { without: ['findAttention'] }))();
  const got = apart(compiled)();
  for (const [i, x] of got.entries()) await assertAllClose(x, wanted[i]!, { atol: 1e-5 });
  for (const { program } of explain(compiled).programs)
    assert.ok(program.arenaBytes < 530 * 530, `${program.arenaBytes} bytes`);
  assert.match(explain(compiled).text(), /causal=true/);
});

test.run();
