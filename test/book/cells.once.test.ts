/** The semantics of cells, one row for each rule: TypeScript in, the value that is shown out. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  CellError,
  compileCell,
  createScope,
  lineIn,
  readable,
  runCell,
} from '../../book/cells/index.ts';

const STOP = new Int32Array(1);
const modules = async (name: string): Promise<object> => {
  if (name === 'm') return { a: 1, b: 2, default: 'd' };
  throw new Error(`no ${name}`);
};

/** Runs cells in one scope; gives the value of the last. */
const run = async (...sources: readonly string[]): Promise<unknown> => {
  const scope = createScope();
  let value: unknown;
  for (const [i, source] of sources.entries()) {
    const cell = compileCell({ id: `c${i}`, source }, { lesson: '01-01', known: scope.known });
    value = await runCell(cell, scope, scope, { modules, stop: STOP });
  }
  return value;
};

/** What a run throws. */
const thrown = async (...sources: readonly string[]): Promise<Error> => {
  try {
    await run(...sources);
  } catch (error) {
    return error as Error;
  }
  throw new Error(`nothing was thrown by ${sources.join(' | ')}`);
};

const RESOURCE = `const log: string[] = [];
const open = (n: string) => ({ n, [Symbol.dispose]() { log.push('-' + n); } });
const later = (n: string) => ({ n, async [Symbol.asyncDispose]() { await null; log.push('~' + n); } });`;

const ROWS: readonly (readonly [name: string, cells: readonly string[], value: unknown])[] = [
  ['the last expression is shown', ['1;\n2'], 2],
  ['a text on its own is a value', ["'use strict'"], 'use strict'],
  ['an assignment is not shown', ['let x = 1;\nx = 2'], undefined],
  ['a declaration is not shown', ['const x = 1'], undefined],
  ['a promise is awaited', ['Promise.resolve(3)'], 3],
  ['a comment after the last expression', ['[1, 2] // two\n;'], [1, 2]],
  ['a bracketed last expression', ['(1, 2);'], 2],
  ['names are shared', ['const x = 1;', 'x + 1'], 2],
  ['a name may be declared again', ['const x = 1;', 'const x = "a";', 'x'], 'a'],
  [
    'functions see what a name is declared to be later',
    ['const x = 1; const f = () => x;', 'const x = 2;', 'f()'],
    2,
  ],
  ['functions see names of later cells', ['const f = () => y;', 'let y = 5;', 'f()'], 5],
  [
    'functions are hoisted',
    ['const v = twice(2);\nfunction twice(n: number) { return 2 * n; }\nv'],
    4,
  ],
  [
    'recursion',
    ['function f(n: number): number { return n < 2 ? 1 : n * f(n - 1); }', 'f(5)'],
    120,
  ],
  [
    'local names hide shared ones',
    ['const x = 1;', '((x: number) => { { const x = 3; } return x; })(2)'],
    2,
  ],
  [
    'destructuring',
    [
      'const { a, b: [c = 4, ...d], ...e } = { a: 1, b: [undefined, 2], f: 3 } as any;\n[a, c, d, e]',
    ],
    [1, 4, [2], { f: 3 }],
  ],
  [
    'destructuring into names that are there',
    ['let a = 1, b = 2;', '[a, b] = [b, a]; ({ a } = { a: a * 10 });', '[a, b]'],
    [20, 1],
  ],
  ['shorthand properties', ['const a = 1;', '({ a, b: a })'], { a: 1, b: 1 }],
  [
    'several declarations, some without values',
    ['let a, b = 2,\n  c;\n[a, b, c]'],
    [undefined, 2, undefined],
  ],
  [
    'var of loops and blocks',
    ['for (var i = 0; i < 3; i++) { var last = i; }', '[i, last]'],
    [3, 2],
  ],
  [
    'let of loops is local',
    [
      'const fs: (() => number)[] = [];\nfor (let i = 0; i < 2; i++) fs.push(() => i);\nfs.map((f) => f())',
    ],
    [0, 1],
  ],
  [
    'lines without semicolons',
    ['const a = 1\nconst f = (n: number) => n\nf(a)\n;[a, 2].map((n) => f(n))'],
    [1, 2],
  ],
  [
    'functions have no this',
    ['function self(this: unknown) { return this; }', 'self()'],
    undefined,
  ],
  [
    'functions are named after their variable',
    ['const f = () => 1, C = class {};\nlet g; g = function () {};\n[f.name, C.name, g.name]'],
    ['f', 'C', 'g'],
  ],
  ['typeof of names that nobody declared', ['typeof nobody'], 'undefined'],
  [
    'imports',
    [
      "import d, { a, b as two } from 'm';\nimport * as all from 'm';\nimport type { T } from 'nowhere';",
      '[d, a, two, all.b]',
    ],
    ['d', 1, 2, 2],
  ],
  [
    'names of types are imported in vain',
    ["import { a, T } from 'm';\nlet t: T | undefined;\na"],
    1,
  ],
  ['dynamic imports', ["const { a } = await import('m');\na"], 1],
  [
    'top-level await',
    ['const x = await Promise.resolve(1);\nfor await (const y of [2]) { x + y; }\nx'],
    1,
  ],
  ['enums', ['enum Colour { Red, Green = 5, Blue }', '[Colour.Blue, Colour[0]]'], [6, 'Red']],
  [
    'generics, casts, satisfies, non-null',
    ['const f = <T,>(x: T): T => x;\nf<number>((1 as unknown as number)!) satisfies number'],
    1,
  ],
  [
    'classes with fields and parameter properties',
    [
      'class P<T> { #y = 2; static n = 3; z!: T; constructor(private readonly q: number, public w = 3) {}\n  get sum() { return this.#y + this.q + this.w + P.n; } }',
      'class Q extends P<string> { override z = "q"; }\nconst q = new Q(1);\n[q.sum, q.z, q instanceof P]',
    ],
    [9, 'q', true],
  ],
  [
    'overloads and abstract classes',
    [
      'abstract class A { abstract f(): number; }\nfunction g(a: string): void;\nfunction g(a: unknown) { return a; }\nclass B extends A { f() { return 1; } }\n[new B().f(), g("a")]',
    ],
    [1, 'a'],
  ],
  [
    'labelled loops',
    [
      'let n = 0;\nouter: for (const i of [1, 2, 3]) for (;;) { n += i; if (i === 2) break outer; continue outer; }\nn',
    ],
    3,
  ],
  [
    'async generators',
    [
      'async function* g() { for (const k of [1, 2]) yield k; }\nconst out: number[] = [];\nfor await (const k of g()) out.push(k);\nout',
    ],
    [1, 2],
  ],
  [
    'using ends with its block',
    [
      RESOURCE,
      'const f = () => { using a = open("a"); using b = open("b"); log.push(a.n + b.n); return 7; };\n[f(), ...log]',
    ],
    [7, 'ab', '-b', '-a'],
  ],
  [
    'using in loops',
    [
      RESOURCE,
      'for (using x of [open("p"), open("q")]) if (x.n === "p") continue; else log.push(x.n);\nlog',
    ],
    ['-p', 'q', '-q'],
  ],
  [
    'await using',
    [RESOURCE, 'await (async () => { await using a = later("a"); using b = open("b"); })();\nlog'],
    ['-b', '~a'],
  ],
  [
    'using at the top ends with the cell',
    [RESOURCE, 'using a = open("a");\nlog.push("in");', 'log'],
    ['in', '-a'],
  ],
  [
    'closures keep optional calls',
    ['const f = undefined as (() => number) | undefined;', 'f?.()'],
    undefined,
  ],
  [
    'arguments, defaults, nested patterns of functions',
    [
      'const a = 1;',
      'function f(x = a, { y: [z] = [a] } = {} as any) { return [arguments.length, x, z]; }\nf()',
    ],
    [0, 1, 1],
  ],
  [
    'local classes, catch, switch and static blocks hide shared names',
    [
      'const a = 1, e = 2;',
      'const seen: unknown[] = [];\n{ class a { static { var e = 5; seen.push(typeof a, e); } } }\ntry { throw 3; } catch (e) { seen.push(e); }\nswitch (a) { case 1: { let e = 4; seen.push(e); } }\n[...seen, a, e]',
    ],
    ['function', 5, 3, 4, 1, 2],
  ],
  [
    'short loops, conditions and labels without blocks',
    [
      'let n = 0\nconst inc = () => ++n\ndo inc(); while (n < 3)\nif (n > 9) inc()\nelse for (const k of [1, 2]) inc()\nwhile (n < 8) inc()\nn',
    ],
    8,
  ],
  [
    'a callee is called without this, a method with it',
    [
      'const o = { m() { return this === o; } };\nconst { m } = o;',
      'function loose(this: unknown) { return this; }\n[o.m(), loose() === undefined, (0, loose)() === undefined]',
    ],
    [true, true, true],
  ],
  [
    'tagged templates',
    ['const tag = (s: TemplateStringsArray, n: number) => s.raw.join("|") + n;', `tag\`a\${1}b\``],
    'a|b1',
  ],
];

for (const [name, cells, value] of ROWS)
  test(name, async () => assert.equal(await run(...cells), value));

const FAILURES: readonly (readonly [
  name: string,
  cells: readonly string[],
  message: string,
  line: number,
])[] = [
  ['syntax', ['const x = 1;\nconst y = ;'], 'Unexpected token', 2],
  ['a constant', ['const x = 1;', 'let y = 2;\nx = y;'], 'x is a constant', 2],
  ['exports', ['\nexport const x = 1;'], 'nothing needs to be exported', 2],
  ['names that are taken', ['const $$run = 1;'], '$$run: names that begin with $$ are taken', 1],
  ['a name that nobody declared', ['1;\n\nnobody;'], 'nobody is not defined', 3],
  ['a name before its value', ['early;\nconst early = 1;'], 'early has no value yet', 1],
  ['an undeclared name that is set', ['1;\nnobody = 2;'], 'nobody is not defined', 2],
  [
    'what a module does not export',
    ["import { zz } from 'm';\n\nzz.a;"],
    "'m' exports nothing that is called zz",
    3,
  ],
  [
    'errors in functions of the cell',
    ['const f = (\n  x: null) =>\n  x!.y;\nf(null);'],
    'Cannot read properties',
    3,
  ],
  [
    'code behind imports, enums and classes',
    [
      "import {\n  a,\n} from 'm';\nenum E {\n  A,\n}\nclass C {\n  x: number = 1;\n}\nthrow new Error('here');",
    ],
    'here',
    10,
  ],
];

for (const [name, cells, message, line] of FAILURES)
  test(`fails with its line: ${name}`, async () => {
    const error = await thrown(...cells);
    assert.ok(error.message.includes(message), error.message);
    const at =
      error instanceof CellError
        ? error.line
        : lineIn(error.stack, '01-01', `c${cells.length - 1}`);
    assert.is(at, line);
  });

test('people read the place of a frame', () => {
  assert.is(readable('at f (lesson:03-01/cell:train:4:18)'), 'at f (lesson 03-01, cell train:4)');
});

test('quick runs have other constants; lines stay', async () => {
  const source =
    'const epochs = 10,\n  sizes = [\n    1,\n  ];\nconst other = 2;\nnew Error().stack';
  const cell = compileCell(
    { id: 'q', source: `${source};` },
    { lesson: '01-01', known: new Map(), constants: { epochs: '1 as number', sizes: '[3]' } },
  );
  const scope = createScope();
  const stack = await runCell(cell, scope, scope, { modules, stop: STOP });
  assert.is(lineIn(String(stack), '01-01', 'q'), 6);
  assert.equal({ ...scope.values }, { epochs: 1, sizes: [3], other: 2 });
  assert.throws(
    () =>
      compileCell({ id: 'q', source }, { lesson: '1', known: new Map(), constants: { no: '1' } }),
    /quick sets no, but the cell declares no const no = …/,
  );
});

test('cells apart see names, and leave none behind', async () => {
  const scope = createScope();
  const own = createScope();
  const options = { lesson: '01-01', known: scope.known };
  const first = compileCell({ id: 'a', source: 'let x = 1; const f = () => x;' }, options);
  await runCell(first, scope, scope, { modules, stop: STOP });
  const apart = compileCell({ id: 'b', source: 'const y = x + 1; x = 5; const f = 0; y' }, options);
  assert.is(await runCell(apart, scope, own, { modules, stop: STOP }), 2);
  const last = compileCell({ id: 'c', source: '[f(), typeof y]' }, options);
  assert.equal(await runCell(last, scope, scope, { modules, stop: STOP }), [5, 'undefined']);
});

test.run();
