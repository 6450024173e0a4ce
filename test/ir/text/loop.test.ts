import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { idxAxis, newAxis } from '../../../src/ir/dim.ts';
import { constant, load, newBuffer, scalar } from '../../../src/ir/loop/expr.ts';
import { parseLoop } from '../../../src/ir/loop/parse.ts';
import { printLoop } from '../../../src/ir/loop/print.ts';
import { tensor } from '../../../src/ir/type.ts';
import { goldenText } from '../../support/golden.ts';

const roundTrip = (text: string, expected: string): void => {
  const printed = printLoop(parseLoop(text));
  goldenText(printed, expected);
  assert.is(printLoop(parseLoop(printed)), printed);
};

test('softmax: reductions are named, shared parts are written once', () => {
  roundTrip(
    `kernel softmax(x: f32[32, 10], y: f32[32, 10]) {
      origin "softmax (train.ts:3)"
      nest i < 32, j < 10 over k < 10 {
        let m = reduce max [k] (x[i, k])
        y[i, j] = exp(x[i, j] - m) / reduce add [k] (exp(x[i, k] - m))
      }
    }`,
    `
kernel softmax(
  x: f32[32, 10],
  y: f32[32, 10],
) {
  origin "softmax (train.ts:3)"
  nest i < 32, j < 10 over k < 10 {
    let max = reduce max [k] (x[i, k])
    y[i, j] = exp(x[i, j] - max) / reduce add [k] (exp(x[i, k] - max))
  }
}
`,
  );
});

test('a contraction with its epilogue', () => {
  roundTrip(
    `kernel dense(x: f32[8, 4], w: f32[4, 6], b: f32[6], y: f32[8, 6]) {
      nest i < 8, j < 6 over k < 4 {
        contract [], [i], [j] over [k] { left = relu(x[i, k]) right = w[k, j] result [i, j] }
        y[i, j] = max(acc + b[j], 0.0)
      }
    }`,
    `
kernel dense(
  x: f32[8, 4],
  w: f32[4, 6],
  b: f32[6],
  y: f32[8, 6],
) {
  nest i < 8, j < 6 over k < 4 {
    contract [], [i], [j] over [k] {
      left = relu(x[i, k])
      right = w[k, j]
      result [i, j]
    }
    y[i, j] = max(acc + b[j], 0.0)
  }
}
`,
  );
});

test('indices: affine sums, div, mod, loaded positions, guards, scatters, prefixes of axes', () => {
  roundTrip(
    `kernel mix(x: f32[10, 32] strides [1, 10], idx: i32[32], y: f32[32, 10], "in": f16[10], s: f32[]) {
      nest a < 320 over c < 3 {
        y[a div 10, a mod 10] = if 0 <= c - a < 3, -1 <= 2 * (a + 1) < 100 then -inf else f32(index(3 * a - 1 + c))
        y[value(idx[a mod 32], 0, 31), (a + 3) mod 7 + a div 64] += x[0, a div 32] over [c]
        y[value(idx[a mod 32], 0, 31), 0] >= x[0, a div 32] over [c]
      }
      nest i < 10, j < 3 {
        "in"[i] = f16(x[0, i] * 0.1) for [i]
        s[] = select(index(j) < 2, nan, 1e-12) for []
      }
    }`,
    `
kernel mix(
  x: f32[10, 32] strides [1, 10],
  idx: i32[32],
  y: f32[32, 10],
  "in": f16[10],
  s: f32[],
) {
  nest a < 320 over c < 3 {
    y[a div 10, a mod 10] = if 0 <= c - a < 3, -1 <= a * 2 + 2 < 100 then -inf else f32(index(a * 3 + c - 1))
    y[value(idx[a mod 32], 0, 31), (a + 3) mod 7 + a div 64] += x[0, a div 32] over [c]
    y[value(idx[a mod 32], 0, 31), 0] >= x[0, a div 32] over [c]
  }
  nest i < 10, j < 3 {
    "in"[i] = f16(x[0, i] * 0.1) for [i]
    s[] = select(index(j) < 2, nan, 1e-12) for []
  }
}
`,
  );
});

test('constants and conversions of dtypes that are not 32 bits wide', () => {
  roundTrip(
    'kernel k(x: f32[8], h: f16[8], b: bf16[8], u: u8[8], c: i8[8], d: f64[8], n: i64[8]) { nest i < 8 { h[i] = h[i] + f16(1.5) b[i] = bf16(x[i]) * bf16(-0.25) u[i] = u[i] + u8(7) c[i] = c[i] * i8(-3) d[i] = f64(x[i]) + f64(0.1) n[i] = n[i] + i64(-5000000000) } }',
    `
kernel k(
  x: f32[8],
  h: f16[8],
  b: bf16[8],
  u: u8[8],
  c: i8[8],
  d: f64[8],
  n: i64[8],
) {
  nest i < 8 {
    h[i] = h[i] + f16(1.5)
    b[i] = bf16(x[i]) * bf16(-0.25)
    u[i] = u[i] + u8(7)
    c[i] = c[i] * i8(-3)
    d[i] = f64(x[i]) + f64(0.1)
    n[i] = n[i] + i64(-5000000000)
  }
}
`,
  );
});

test('a buffer under another shape is the same bytes', () => {
  const text =
    'kernel k(x: f32[6], y: f32[2, 3], flat: f32[6] = y) { nest i < 6 { flat[i] = x[i] } }';
  const kernel = parseLoop(text);
  assert.is(kernel.buffers.length, 2);
  assert.is(kernel.nests[0]!.stores[0]!.buffer.id, kernel.buffers[1]!.id);
  assert.equal(kernel.nests[0]!.stores[0]!.buffer.shape, [6]);
  assert.is(printLoop(parseLoop(printLoop(kernel))), printLoop(kernel));
});

test('the text does not depend on the ids of axes', () => {
  const text = (swap: boolean): string => {
    const made = swap
      ? [newAxis('j', 4, 'par'), newAxis('i', 3, 'par')].reverse()
      : [newAxis('i', 3, 'par'), newAxis('j', 4, 'par')];
    const [i, j] = made as [ReturnType<typeof newAxis>, ReturnType<typeof newAxis>];
    const x = newBuffer('x', tensor('float32', [3, 4]));
    const value = scalar('mul', load(x, [idxAxis(i), idxAxis(j)]), constant(2, 'float32'));
    const store = {
      buffer: x,
      index: [idxAxis(i), idxAxis(j)],
      value,
      axes: [i, j],
      mode: 'set' as const,
      over: [],
    };
    return printLoop({
      name: 'k',
      buffers: [x],
      nests: [{ axes: [i, j], stores: [store], contract: undefined }],
      origin: [],
    });
  };
  assert.is(text(true), text(false));
});

test('axes that nests declare alike are one axis; others are not', () => {
  const { nests } = parseLoop(
    'kernel k(x: f32[3, 3]) { nest i < 3 { x[i, 0] = 1.0 } nest i < 3 { x[i, 1] = 1.0 } nest i < 2 { x[i, 2] = 1.0 } }',
  );
  assert.is(nests[0]!.axes[0], nests[1]!.axes[0]);
  assert.is.not(nests[0]!.axes[0], nests[2]!.axes[0]);
});

test.run();
