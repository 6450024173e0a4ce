/** What lessons show: figures as records, as text and as SVG; curves that grow; named results. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as d2l from '../../src/frontend/d2l/index.ts';
import { autograd, hybridize, nd, random } from '../../src/index.ts';

const rejects = async (promise: Promise<unknown>, message: RegExp): Promise<void> => {
  const error = await promise.then(
    () => undefined,
    (reason: Error) => reason,
  );
  assert.match(error?.message ?? 'nothing', message);
};

/** What `body` shows and records. */
const shownBy = async (
  body: () => unknown,
): Promise<{ items: [string, d2l.Displayable][]; values: Record<string, number | string> }> => {
  const items: [string, d2l.Displayable][] = [];
  const values: Record<string, number | string> = {};
  const restore = [
    d2l.onDisplay((id, item) => void items.push([id, structuredClone(item)])),
    d2l.onRecord((name, value) => {
      values[name] = value;
    }),
  ];
  try {
    await body();
    d2l.flushDisplays();
  } finally {
    for (const one of restore) one();
  }
  return { items, values };
};

/** What is printed where nothing takes what is shown. */
const printedBy = async (body: () => unknown): Promise<string> => {
  const { log } = console;
  const lines: string[] = [];
  console.log = (line: string) => void lines.push(line);
  try {
    await body();
  } finally {
    console.log = log;
  }
  return lines.join('\n');
};

test('charts hold numbers, whatever holds them; what is not finite is a gap', async () => {
  const panel = await d2l.chart(
    nd.array([1, 2, 3]),
    [nd.array([1, Number.NaN, 3], { dtype: 'float64' }), [nd.array(4), 5, Infinity]],
    { legend: ['a', 'b'], kinds: ['line', 'points'], yScale: 'log' },
  );
  assert.equal(panel, {
    kind: 'chart',
    x: {},
    y: { scale: 'log' },
    marks: [
      { kind: 'line', name: 'a', x: [1, 2, 3], y: [1, null, 3] },
      { kind: 'points', name: 'b', x: [1, 2, 3], y: [4, 5, null] },
    ],
  });
  const rows = await d2l.chart(
    undefined,
    nd.array([
      [1, 2],
      [3, 4],
    ]),
  );
  assert.equal(
    rows.marks.map(({ x, y }) => [x, y]),
    [
      [
        [0, 1],
        [1, 2],
      ],
      [
        [0, 1],
        [3, 4],
      ],
    ],
  );
  await rejects(d2l.chart([1, 2], [1, 2, 3]), /series 0 has 3 values, and its x has 2/);
  await rejects(d2l.chart(undefined, nd.zeros([1, 2, 3])), /more than rows and columns/);
  await rejects(d2l.chart(undefined, [1], { lable: 'x' } as never), /unknown option "lable"/);
});

test('pictures are bytes, floats from 0 to 1 and integers from 0 to 255', async () => {
  const [a, b] = await d2l.pictures(
    nd.array([
      [
        [0, 0.5],
        [1, 2],
      ],
      [
        [-1, 0],
        [0, 1],
      ],
    ]),
  );
  assert.equal([...Buffer.from(a!.pixels, 'base64')], [0, 128, 255, 255]);
  assert.equal([...Buffer.from(b!.pixels, 'base64')], [0, 0, 0, 255]);
  const colour = nd.array([[[[255]], [[0]], [[7]]]], { dtype: 'uint8' });
  const [c] = await d2l.pictures(colour);
  assert.equal([c!.channels, ...Buffer.from(c!.pixels, 'base64')], [3, 255, 0, 7]);
  await rejects(d2l.pictures(nd.zeros([2, 2, 2, 2])), /holds no pictures/);
});

test('what is shown is printed where nothing takes it', async () => {
  const table = await printedBy(() =>
    d2l.display({
      kind: 'table',
      caption: 'Sizes',
      columns: ['name', 'n'],
      rows: [
        ['a', 1],
        ['bb', 22.123456],
        ['c', null],
      ],
    }),
  );
  assert.is(table, 'Sizes\nname       n\n────  ──────\na          1\nbb    22.123\nc          –');
  const chart = await printedBy(() => d2l.plot([0, 1], [0, 1], { legend: ['up'], xLabel: 'x' }));
  assert.match(chart, /^1 │ +•+$/m);
  assert.match(chart, /• up/);
  const bars = await printedBy(() => d2l.plotBars(['a', 'bb'], [1, 2], { yLabel: 'ms' }));
  assert.match(bars, /^ms\n a {2}│█{30} 1\nbb {2}│█{60} 2$/);
  assert.match(await printedBy(() => d2l.showHeatMap(nd.eye(2))), /^@@ {2}\n {2}@@\n0/);
  assert.is(await printedBy(() => d2l.record('loss', 0.5)), 'loss = 0.5');
});

test('a growing figure keeps its id, leaves some pictures out, never the last', async () => {
  const { items } = await shownBy(async () => {
    const animator = new d2l.Animator({ xLimits: [1, 50], legend: ['loss', 'accuracy'] });
    for (let i = 1; i <= 50; i++) await animator.add(i, [nd.array(1 / i), i % 2 ? i : undefined]);
    animator.done();
    const open = new d2l.Animator();
    for (let i = 0; i < 5; i++) await open.add(i, i);
  });
  const [first, second] = [...new Set(items.map(([id]) => id))];
  const last = (id: string | undefined): d2l.Chart =>
    (items.findLast(([own]) => own === id)![1] as d2l.Figure).panels[0] as d2l.Chart;
  assert.ok(items.length < 20, `${items.length} pictures`);
  assert.equal(
    last(first).marks.map(({ name, x }) => [name, x.length]),
    [
      ['loss', 50],
      ['accuracy', 25],
    ],
  );
  assert.equal(last(second).marks[0]!.y, [0, 1, 2, 3, 4]);
  await rejects(new d2l.Animator().add(1, 'x' as never), /"x" is not one value/);
});

test('figures as SVG: words escaped, a title and a description, no colour of text', async () => {
  const figure = d2l.figure(
    [
      await d2l.chart(
        [1, 10, 100],
        [
          [1, 2, 3],
          [0, -1, 5],
        ],
        {
          legend: ['a < b', 'c'],
          kinds: ['line', 'points'],
          xScale: 'log',
          title: 'Curves',
        },
      ),
      await d2l.chart(
        ['x', 'y'],
        [
          [1, 2],
          [3, 4],
        ],
        { kinds: 'bars' },
      ),
      await d2l.chart([0, 1], [1, 2], { kinds: 'bars' }),
      await d2l.heatMap(nd.eye(3), { xNames: ['one', 'two', 'three'], xLabel: 'column' }),
      ...(await d2l.pictures(nd.zeros([2, 4, 4]), { titles: ['black'] })),
    ],
    { title: 'All & more', columns: 2 },
  );
  const svg = await d2l.figureSvg(figure);
  assert.match(
    svg,
    /^<svg [^>]*role="img"[^>]*><title>All &amp; more<\/title><desc>Curves: a &lt; b/,
  );
  assert.match(svg, /stroke="#0072b2"/);
  assert.is(
    svg.match(/data:image\/png;base64,/g)!.length,
    4,
    'a matrix, its colours, two pictures',
  );
  assert.not.match(svg, /NaN|undefined|fill="(black|white)"/);
  assert.is(await d2l.figureSvg(figure), svg, 'the same text each time');
  await rejects(d2l.figureSvg({} as never), /takes a figure/);
});

test('compare: equal first, then counts that do not depend on the machine', async () => {
  const effort = { repeats: 3, seconds: 0.01 };
  const { items, values } = await shownBy(async () => {
    const { rows } = await d2l.compare('chain', {
      run: (x: nd.NDArray) => x.mul(2).add(1).exp(),
      inputs: (n) => [random.normal([n, 4])],
      batchSizes: [8, 16],
      ...effort,
    });
    const [small, large] = rows;
    assert.equal([small!.batchSize, large!.batchSize], [8, 16]);
    assert.is(small!.imperative.counts.launches, 3);
    assert.is(small!.compiled.counts.launches, 1);
    assert.is(large!.imperative.counts.intermediateBytes, 2 * 16 * 4 * 4);
    assert.is(large!.compiled.counts.intermediateBytes, 0);
    assert.is(large!.imperative.counts.movedBytes, 6 * 16 * 4 * 4);
    assert.is(large!.compiled.counts.movedBytes, 2 * 16 * 4 * 4);
    assert.ok(small!.compiled.ms.median > 0 && small!.compileMs > 0);
  });
  assert.equal(
    items.map(([, item]) => item.kind),
    ['table'],
  );
  assert.is(values['chain.16.compiled.launches'], 1);
  await rejects(d2l.compare('x', { inputs: [] }), /either run or make/);
  await rejects(
    d2l.compare('x', { run: (x) => x.mul(Math.random()), inputs: [nd.ones([2])], ...effort }),
    /x: compiled, call 0, result 0: 2 of 2 elements differ/,
  );
});

test('compare: what trains is made afresh for each side, and draws the same numbers', async () => {
  await shownBy(async () => {
    const make = () => {
      const w = random.normal([4]).attachGrad();
      return {
        step: (x: nd.NDArray) => {
          const l = autograd.record(() => random.dropout(x, 0.5).matmul(w).square().mean());
          l.backward();
          d2l.sgd([w], 0.1);
          return l;
        },
      };
    };
    const { rows } = await d2l.compare('net', {
      make,
      inputs: [nd.ones([8, 4])],
      repeats: 3,
      seconds: 0.01,
    });
    assert.is(rows[0]!.what, 'step');
    assert.ok(rows[0]!.imperative.counts.intermediateBytes >= 16, 'gradients are counted');
  });
});

test('programs: what the compiler made, as data', async () => {
  const f = hybridize((x: nd.NDArray) => x.exp().sum(), { name: 'total' });
  await rejects(d2l.programs(f), /no compiled program yet/);
  f(nd.ones([4]));
  const item = await d2l.programs(f, { svg: true, run: () => f(nd.ones([4])) });
  assert.equal(structuredClone(item), item);
  assert.equal(JSON.parse(JSON.stringify(item)).programs[0].code, item.programs[0]!.code);
  assert.is(item.name, 'total');
  assert.is(item.language, 'wat');
  const [program] = item.programs;
  assert.match(program!.code[program!.launches[0]!]!, /local\.get/);
  assert.match(program!.svg!, /<svg/);
  assert.equal(
    program!.timing!.map(({ kernel }) => kernel),
    program!.launches,
  );
  assert.ok(program!.timing![0]!.nanoseconds > 0);
});

test.run();
