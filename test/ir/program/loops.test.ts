/** Loops in programs: their order, their text, what the verifier refuses, and the memory they share. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpretProgram } from '../../../src/ir/program/interpret.ts';
import { parseProgram } from '../../../src/ir/program/parse.ts';
import { printProgram } from '../../../src/ir/program/print.ts';
import { sequence } from '../../../src/ir/program/sequence.ts';
import { verifyProgram } from '../../../src/ir/program/verify.ts';

/** Two nested loops over 2 and 3 rounds: a[i][j] doubled, by way of a temp. */
const text = (inner = 't[0, 0, 0]', barrier = 'barrier ', bytes = '8') => `program twice {
  arena 8, 8
  input a: f32[2, 3, 2]
  output b: f32[2, 3, 2]
  temp t: f32[2] offset 0
  thread double(
    read x: f32[2],
    write y: f32[2],
  ) grid 2 as i {
    cost 2, 16
    y[i] = x[i] * 2.0
  }
  thread move(
    read x: f32[2],
    write y: f32[2],
  ) grid 2 as i {
    cost 2, 16
    y[i] = x[i]
  }
  loop 2 {
    loop 3 {
      ${barrier}run double(a[0, 24, ${bytes}], ${inner})
      barrier run move(t, b[0, 24, 8])
    }
  }
}
`;

const refused = (source: string, part: string): void => {
  const program = parseProgram(source);
  assert.throws(
    () => verifyProgram(program),
    (e: Error) => e.message.includes(part) || assert.unreachable(e.message),
  );
};

test('text, order of launches, meaning', () => {
  const program = parseProgram(text('t'));
  verifyProgram(program);
  assert.is(printProgram(program), text('t'));
  assert.equal(program.loops, [
    { first: 0, end: 2, trips: 2 },
    { first: 0, end: 2, trips: 3 },
  ]);
  assert.equal(
    sequence(program)
      .filter((l) => l.step === 0)
      .map((l) => l.counters.join('')),
    ['00', '01', '02', '10', '11', '12'],
  );
  const a = Float64Array.from({ length: 12 }, (_, i) => i);
  const b = new Float64Array(12);
  interpretProgram(program, [a, b]);
  assert.equal(
    [...b],
    [...a].map((x) => 2 * x),
  );
});

test('what the verifier refuses', () => {
  refused(text('t', ''), 'it begins without a barrier');
  refused(text('t', 'barrier ', '16'), 'outside its 48 bytes');
  refused(text('t[0, 4]'), '2 loops need a stride each');
});

test('a temp that lives through all rounds shares no bytes with one that lives in one', () => {
  const program = parseProgram(`program keep {
  arena 8, 8
  input a: f32[2]
  output b: f32[3, 2]
  temp still: f32[2] offset 0
  temp once: f32[2] offset 0
  thread move(
    read x: f32[2],
    write y: f32[2],
  ) grid 2 as i {
    cost 2, 16
    y[i] = x[i]
  }
  run move(a, still)
  loop 3 {
    barrier run move(still, b[0, 8])
    barrier run move(b[0, 8], once)
    barrier run move(once, b[0, 8])
  }
}
`);
  assert.throws(() => verifyProgram(program), /still and once/);
});

test.run();
