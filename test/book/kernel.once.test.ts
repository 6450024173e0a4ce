/** The kernel: what cells print, show, record and throw, in order; stopping, skipping, cells that must fail. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cell } from '../../book/format/lesson.ts';
import { createKernel, type Kernel } from '../../book/kernel/kernel.ts';
import { nodeModules } from '../../book/kernel/node.ts';
import type { Output } from '../../book/kernel/output.ts';

/** An array whose values have to be waited for. */
const slow = (values: readonly number[], shape: readonly number[]): object => ({
  shape,
  dtype: 'float32',
  data: () => new Promise((resolve) => setTimeout(() => resolve(Float32Array.from(values)), 5)),
  toString: () => `NDArray f32[${shape.join(', ')}] on gpu (read with await x.data())`,
});

const deep = (frames: number): number => {
  if (frames === 0) throw new Error('deep inside');
  return 1 + deep(frames - 1);
};

const modules = async (name: string): Promise<object> => {
  if (name === 'slow') return { slow, deep };
  if (name === 'tigon') return { device: { webgpu: () => Promise.reject(new Error('none')) } };
  return await nodeModules(name);
};

const open = (): { kernel: Kernel; outputs: Output[] } => {
  const outputs: Output[] = [];
  const post = (_cell: string, output: Output): void => {
    outputs.push(structuredClone(output));
  };
  return { kernel: createKernel({ lesson: '01-01', modules, post }), outputs };
};

const cellOf = (source: string, more: Partial<Cell> = {}): Cell => ({
  id: 'c',
  source,
  line: 1,
  role: 'code',
  throws: false,
  quick: {},
  ...more,
});

const textsOf = (outputs: readonly Output[]): readonly string[] =>
  outputs.map((output) => ('text' in output ? output.text : output.kind));

test('texts and the value come in order, arrays with the values they have at the call', async () => {
  const { kernel, outputs } = open();
  const { log } = console;
  const ending = await kernel.run(
    cellOf(`import { slow } from 'slow';
console.log('a %d%% of %s', 5, 'b', { x: [1, 'two'] });
console.log(slow([1, 2.5, 3, 4], [2, 2]));
console.log('after');
console.group('group'); console.warn('inside'); console.groupEnd();
console.table([{ n: 1 }, { n: 22 }]);
({ in: slow([7], []) })`),
  );
  assert.is(ending.outcome, 'done');
  assert.equal(textsOf(outputs), [
    "a 5% of b { x: [1, 'two'] }",
    'NDArray f32[2, 2] on gpu\n[[  1, 2.5],\n [  3,   4]]',
    'after',
    'group',
    '  inside',
    '   n\n0  1\n1  22',
    '{\n  in: NDArray f32[] on gpu\n  7\n}',
  ]);
  assert.equal(outputs.map((o) => o.kind).at(-1), 'value');
  assert.is(console.log, log);
});

test('values of many kinds', async () => {
  const { kernel, outputs } = open();
  await kernel.run(
    cellOf(`const circle: Record<string, unknown> = { a: 1 }; circle.self = circle;
console.log([-0, 1n, null, undefined, Symbol('s'), true], new Map([['k', new Set([1])]]), Float32Array.of(0.1, 2));
console.log(circle, class A {}, () => 1, new (class B { x = 1; #y = 2; })(), new Error('e'), { 'a-b': { c: { d: { e: { f: 1 } } } } });
console.log(Array.from({ length: 12 }, (_, i) => i * 1000000), [], {}, new Date(0));`),
  );
  assert.equal(textsOf(outputs), [
    "[-0, 1n, null, undefined, Symbol(s), true] Map(1) { 'k' => Set(1) { 1 } } Float32Array(2) [0.1, 2]",
    "{ a: 1, self: [circular] } [class A] [function (no name)] B { x: 1 } Error: e { 'a-b': { c: { d: { e: {…} } } } }",
    '[\n  0, 1000000, 2000000, 3000000, 4000000, 5000000, 6000000, 7000000,\n  8000000, 9000000, 10000000, 11000000\n] [] {} 1970-01-01T00:00:00.000Z',
  ]);
});

test('what is long is cut, and said to be', async () => {
  const { kernel, outputs } = open();
  await kernel.run(
    cellOf(`for (let i = 0; i < 5010; i++) console.log(i);
[new Float32Array(1e6), Array(200).fill(0), new Map(Array.from({ length: 200 }, (_, i) => [i, i]))]`),
  );
  const texts = textsOf(outputs);
  assert.is(texts.length, 5002);
  assert.is(texts[5000], '5000 lines were printed; those that follow are not shown');
  assert.equal(texts[5001]!.match(/… \d+ more/g), ['… 999900 more', '… 100 more', '… 100 more']);
});

test('an error has its name, its line and the frames in cells', async () => {
  const { kernel, outputs } = open();
  const fails = cellOf('const f = () => {\n  throw new TypeError("no");\n};\nf();', { id: 'one' });
  assert.is((await kernel.run(fails)).outcome, 'failed');
  assert.equal(outputs, [
    {
      kind: 'error',
      name: 'TypeError',
      message: 'no',
      line: 2,
      stack: '    at f (lesson 01-01, cell one:2)\n    at lesson 01-01, cell one:4',
    },
  ]);
  outputs.length = 0;
  await kernel.run(cellOf('1;\nconst x = ;'));
  await kernel.run(cellOf("throw 'text'"));
  assert.equal(outputs, [
    { kind: 'error', name: 'SyntaxError', message: 'Unexpected token', line: 2 },
    { kind: 'error', name: 'Error', message: "'text'" },
  ]);
});

test('the line is found below many frames', async () => {
  const { kernel, outputs } = open();
  await kernel.run(cellOf("import { deep } from 'slow';\n\ndeep(30);"));
  const error = outputs.at(-1);
  assert.is(error?.kind === 'error' ? error.line : undefined, 3);
  assert.is(Error.stackTraceLimit < 100, true);
});

test('errors of the framework name the line of the cell', async () => {
  const outputs: Output[] = [];
  const post = (_cell: string, output: Output): void => void outputs.push(output);
  const kernel = createKernel({ lesson: '01-01', modules: nodeModules, post });
  await kernel.run(cellOf(`import { nd } from 'tigon';\nconst x = nd.ones([2, 3]);\nx`));
  await kernel.run(cellOf('const f = () =>\n  x.add(nd.ones([7]));\n\nf()', { id: 'sum' }));
  const [shown, error] = outputs;
  assert.equal(shown, {
    kind: 'value',
    text: 'NDArray f32[2, 3] on cpu()\n[[1, 1, 1],\n [1, 1, 1]]',
  });
  assert.ok(error?.kind === 'error');
  assert.is(error.line, 2);
  assert.match(error.message, /\n {2}at lesson 01-01, cell sum:2\n {2}help: /);
});

test('figures and records go out while the cell runs; the last value may be one', async () => {
  const outputs: Output[] = [];
  const post = (_cell: string, output: Output): void => void outputs.push(output);
  const kernel = createKernel({ lesson: '01-01', modules: nodeModules, post });
  const table = "{ kind: 'table', columns: ['n'], rows: [[1]] } as const";
  await kernel.run(
    cellOf(`import { display, record } from 'tigon/d2l';
console.log('before'); display(${table}, 'mine'); record('r', 3); console.log('after');
const last = ${table};
last`),
  );
  assert.equal(
    outputs.map((o) => (o.kind === 'display' ? o.id : o.kind)),
    ['text', 'mine', 'record', 'text', 'c-value'],
  );
});

test('cells that must fail, that need what is not there, that are not run', async () => {
  const { kernel, outputs } = open();
  const outcome = async (cell: Cell): Promise<string> => (await kernel.run(cell)).outcome;
  assert.is(await outcome(cellOf('throw new Error("meant")', { throws: true })), 'done');
  assert.is(await outcome(cellOf('1', { throws: true })), 'failed');
  assert.is(await outcome(cellOf('1', { needs: 'webgpu' })), 'skipped');
  assert.is(await outcome(cellOf('1', { role: 'norun' })), 'skipped');
  assert.equal(
    outputs.map((o) => ('message' in o ? o.message : 'text' in o ? o.text : '')),
    [
      'meant',
      '1',
      'this cell is there to show an error, and it did not fail',
      'This cell needs WebGPU, which this machine or browser does not offer: skipped.',
    ],
  );
});

test('a cell is stopped, names stay, and reset forgets them', async () => {
  const { kernel, outputs } = open();
  const endless = kernel.run(
    cellOf('let n = 0;\nfor (;;) { n++; await new Promise((r) => setTimeout(r)); }'),
  );
  setTimeout(kernel.interrupt, 20);
  assert.is((await endless).outcome, 'failed');
  await kernel.run(cellOf('n > 0'));
  assert.equal(textsOf(outputs), ['error', 'true']);
  kernel.reset();
  assert.is((await kernel.run(cellOf('n'))).outcome, 'failed');
});

test('errors that nobody awaits belong to the cell that runs, if one does', async () => {
  const { kernel, outputs } = open();
  assert.not(kernel.complain(new Error('early')));
  const running = kernel.run(cellOf('await new Promise((r) => setTimeout(r, 20));'));
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(kernel.complain(new Error('floating')));
  assert.is((await running).outcome, 'failed');
  assert.equal(outputs, [{ kind: 'error', name: 'Error', message: 'floating' }]);
});

test('cells given at once run one after the other', async () => {
  const { kernel, outputs } = open();
  const first = kernel.run(cellOf('await new Promise((r) => setTimeout(r, 10)); let order = 1;'));
  const second = kernel.run(cellOf('order'));
  await Promise.all([first, second]);
  assert.equal(textsOf(outputs), ['1']);
});

test.run();
