import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpretProgram } from '../../../src/ir/program/interpret.ts';
import { parseProgram } from '../../../src/ir/program/parse.ts';
import { printProgram } from '../../../src/ir/program/print.ts';
import { type ProgramLimits, verifyProgram } from '../../../src/ir/program/verify.ts';

const limits: ProgramLimits = {
  target: 'wasm',
  sharedBytes: 0,
  threads: 1,
  subgroup: 1,
  tensorCores: 'none',
  maxBindings: 8,
  alignment: 16,
};

const BODY = `  thread double(
    read x: f32[4],
    read s: f32[1],
    write y: f32[4],
  ) grid 4 as g {
    cost 4, 36
    y[g] = x[g] * s[0]
  }
  thread plus(
    read x: f32[4],
    read c: f32[4],
    write y: f32[4],
  ) grid 4 as g {
    cost 4, 48
    y[g] = x[g] + c[g]
  }
`;
const program = (temps: string, steps: string): string => `program two {
  arena 32, 16
  input x: f32[4]
  scalar s: f32[]
  output y: f32[4]
  constant c: f32[4] = [1, 2, 3, 4.5]
${temps}${BODY}${steps}}
`;
const GOOD = program(
  '  temp t: f32[4] offset 0\n  temp u: f32[4] offset 0 inplace t\n',
  '  run double(x, s, t)\n  barrier run plus(t, c, u)\n  barrier run plus(u, c, y)\n',
);

test('a program prints as it was written', () => {
  assert.is(printProgram(parseProgram(GOOD)), GOOD);
});

test('a good program verifies and runs', () => {
  const good = parseProgram(GOOD);
  verifyProgram(good, limits);
  const y = new Float64Array(4);
  interpretProgram(good, [[1, 2, 3, 4], [10], y]);
  assert.equal([...y], [12, 24, 36, 49]);
});

test('writing a temp spoils what shares its bytes', () => {
  const bad = parseProgram(
    program(
      '  temp t: f32[4] offset 0\n  temp u: f32[4] offset 8\n',
      '  run double(x, s, t)\n  run plus(x, c, u)\n  run plus(t, c, y)\n',
    ),
  );
  const y = new Float64Array(4);
  interpretProgram(bad, [[1, 2, 3, 4], [10], y]);
  assert.ok(y.every(Number.isNaN));
});

const STEPS = '  run double(x, s, t)\n  barrier run plus(t, c, u)\n  barrier run plus(u, c, y)\n';
const temps = (t: string, u: string): string => `  temp t: f32[4] ${t}\n  temp u: f32[4] ${u}\n`;
const broken: readonly (readonly [string, string, string])[] = [
  [
    'temps that live at once share bytes',
    program(temps('offset 0', 'offset 0'), STEPS),
    't and u: they share bytes and are both alive in step 1',
  ],
  ['temps overlap in part', program(temps('offset 0', 'offset 8'), STEPS), 'they share bytes'],
  [
    'an offset is not aligned',
    program(temps('offset 0', 'offset 18'), STEPS),
    'offset 18 is not a multiple of 4',
  ],
  [
    'a temp leaves the arena',
    program(temps('offset 0', 'offset 20'), STEPS),
    'outside the arena of 32',
  ],
  ['a temp has no offset', program(temps('', 'offset 16'), STEPS), 'a temp needs an offset'],
  [
    'in place of something elsewhere',
    program(temps('offset 0', 'offset 16 inplace t'), STEPS),
    'at the same offset',
  ],
  [
    'a missing barrier',
    program(temps('offset 0', 'offset 16'), STEPS.replace('barrier run plus(t', 'run plus(t')),
    'step 1 (plus): it needs a barrier: it shares t with step 0 (double)',
  ],
  [
    'read before written',
    program(temps('offset 0', 'offset 16'), '  run plus(t, c, y)\n'),
    't is read before anything is written to it',
  ],
  [
    'an output never written',
    program(temps('offset 0', 'offset 16'), '  run double(x, s, t)\n'),
    'y: no step writes this output',
  ],
  ['an input written', program('', '  run plus(c, c, x)\n'), 'x (input) is written'],
  ['too few bindings', program('', '  run plus(x, c)\n'), '2 bindings for 3 buffers'],
  [
    'a buffer too small',
    program('', '  run plus(x, s, y)\n'),
    'c reaches 4 elements, s has 4 bytes',
  ],
  [
    'an arena below its bound',
    GOOD.replace('arena 32, 16', 'arena 32, 48'),
    '32 bytes is less than what lives at once, 48',
  ],
];
for (const [name, text, message] of broken)
  test(`refused: ${name}`, () => {
    assert.throws(
      () => verifyProgram(parseProgram(text), { ...limits, alignment: 4 }),
      (error: Error) => error.name === 'VerifyError' && error.message.includes(message),
    );
  });

test('bindings of a launch: scalars are not counted, buffers in one place are one', () => {
  const good = parseProgram(GOOD);
  // plus(t, c, u): u is in t's place; double(x, s, t): s is a scalar
  verifyProgram(parseProgram(GOOD.replace('run plus(u, c, y)', 'run plus(u, u, y)')), {
    ...limits,
    maxBindings: 2,
  });
  assert.throws(
    () => verifyProgram(good, { ...limits, maxBindings: 2 }),
    /step 2 \(plus\): 3 bindings, the device has 2/,
  );
});

test('buffers that are one binding on the device have one dtype', () => {
  const text = `program convert {
    arena 16, 16
    input x: f32[4]
    output y: i32[4]
    temp t: f32[4] offset 0
    temp u: i32[4] offset 0 inplace t
    thread first(read a: f32[4], write b: f32[4]) grid 4 as g { b[g] = a[g] }
    thread second(read a: f32[4], write b: i32[4]) grid 4 as g { b[g] = i32(a[g]) }
    thread third(read a: i32[4], write b: i32[4]) grid 4 as g { b[g] = a[g] }
    run first(x, t)
    barrier run second(t, u)
    barrier run third(u, y)
  }`;
  verifyProgram(parseProgram(text), limits);
  assert.throws(
    () => verifyProgram(parseProgram(text), { ...limits, target: 'wgsl' }),
    /step 1 \(second\): t \(float32\) and u \(int32\) are one binding/,
  );
});

test('wrong buffers are named', () => {
  assert.throws(() => interpretProgram(parseProgram(GOOD), []), /takes 3 buffers, not 0/);
});

test.run();
