import { test } from 'uvu';
import { canonicalize } from '../../src/passes/canonicalize.ts';
import { golden } from '../support/passes.ts';

const head = '(%x: f32[2, 1], %y: f32[2, 3], %z: f32[2, 2])';
const part = (name: string, low: number, high: number): string =>
  `%p${name} = pad %${name} {low=[0, ${low}], high=[0, ${high}], interior=[0, 0], value=0}`;

test('parts side by side with zeros around them are joined, in whatever order they are added', () => {
  golden(
    canonicalize,
    `graph ${head} { ${part('y', 1, 2)} ${part('x', 0, 5)} ${part('z', 4, 0)} %a = add %pz, %px %r = add %a, %py return %r }`,
    `graph ${head} { %r = concat %x, %y, %z {axis=1} return %r }`,
  );
});

test('parts that leave a gap or overlap stay sums', () => {
  for (const at of [2, 3]) {
    const text = `graph (%x: f32[2, 2], %y: f32[2, 3]) { ${part('x', 0, 4)} ${part('y', at, 3 - at)} %r = add %px, %py return %r }`;
    golden(canonicalize, text, text);
  }
});

test.run();
