/** The work of kernels, counted from their loops: each value once, each element once, nothing where guards fail. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseLoop } from '../../../src/ir/loop/parse.ts';
import { type Work, workOf } from '../../../src/ir/loop/work.ts';
import { scalarOps } from '../../../src/ir/scalar.ts';

const work = (text: string): Work => workOf(parseLoop(text));

test('a map: operations of each element, each array once', () => {
  const text = `
kernel map(x: f32[6, 4], b: f32[4], y: f32[6, 4]) {
  nest i < 6, j < 4 {
    y[i, j] = (x[i, j] + b[j]) * x[i, j]
  }
}`;
  assert.equal(work(text), { operations: 48, bytesRead: 4 * 28, bytesWritten: 4 * 24 });
});

test('what depends on fewer axes is computed less often', () => {
  const text = `
kernel rows(x: f32[8, 4], y: f32[8, 4]) {
  nest i < 8, j < 4 over k < 4 {
    y[i, j] = x[i, j] - reduce max [k] (x[i, k])
  }
}`;
  // a fold of each row, not of each element
  assert.equal(work(text), { operations: 8 * 4 + 32, bytesRead: 128, bytesWritten: 128 });
});

test('a convolution does not multiply its padding, and reads each element once', () => {
  const text = `
kernel conv(x: f32[5], w: f32[2, 3], y: f32[2, 5]) {
  nest f < 2, p < 5 over s < 3 {
    contract [], [f], [p] over [s] {
      left = w[f, s]
      right = if 1 <= p + s < 6 then x[p + s - 1] else 0
      result [f, p]
    }
    y[f, p] = acc * 2.0
  }
}`;
  assert.equal(work(text), { operations: 2 * 13 + 10, bytesRead: 4 * 11, bytesWritten: 40 });
});

test('a map that a convolution reads is computed once for each element', () => {
  const text = `
kernel conv(x: f32[2, 8], b: f32[2], w: f32[4, 2, 3], y: f32[4, 6]) {
  nest f < 4, p < 6 over c < 2, s < 3 {
    contract [], [f], [p] over [c, s] {
      left = w[f, c, s]
      right = relu(x[c, p + s] + b[c])
      result [f, p]
    }
    y[f, p] = acc
  }
}`;
  assert.is(work(text).operations, 4 * 6 * 6 + 2 * 16);
});

test('a part of an array is read in part', () => {
  const text = `
kernel part(x: f32[8, 4], y: f32[2, 4]) {
  nest i < 2, j < 4 {
    y[i, j] = x[i + 4, j]
  }
}`;
  assert.equal(work(text), { operations: 0, bytesRead: 32, bytesWritten: 32 });
});

test('attention: both products and an exponential for each pair that takes part', () => {
  const text = `
kernel causal(q: f32[4, 2], k: f32[4, 2], v: f32[4, 3], y: f32[4, 3]) {
  nest i < 4, j < 3 over d < 2, t < 4 {
    attend [], [i], [j] over [t] as softmax {
      contract over [d] {
        left = q[i, d]
        right = k[t, d]
      }
      left = if 0 <= i - t < 4 then score else -1e+38
      right = v[t, j]
      result [i, j]
    }
    y[i, j] = acc
  }
}`;
  assert.equal(work(text), {
    operations: 10 * (2 + 3 + scalarOps.exp.cost + 1),
    bytesRead: 4 * 28,
    bytesWritten: 48,
  });
});

test('scores that two nests see from either side are computed once', () => {
  const nest = (own: string, other: string, value: string, y: string): string => `
  nest i < 4, j < 3 over d < 2, t < 4 {
    attend [], [i], [j] over [t] as sum {
      contract over [d] {
        left = ${own}[i, d]
        right = ${other}[t, d]
      }
      left = score
      right = ${value}[t, j]
      result [i, j]
    }
    ${y}[i, j] = acc
  }`;
  const text = `
kernel both(q: f32[4, 2], k: f32[4, 2], v: f32[4, 3], y: f32[4, 3], z: f32[4, 3]) {${nest('q', 'k', 'v', 'y')}${nest('k', 'q', 'v', 'z')}
}`;
  assert.is(work(text).operations, 16 * (2 + 3 + 3));
});

test('a scattered sum zeroes its buffer and adds each value', () => {
  const text = `
kernel scatter(at: i32[6], x: f32[6], y: f32[10]) {
  nest i < 1 over t < 6 {
    y[value(at[t], 0, 9)] += x[t] over [t]
  }
}`;
  assert.equal(work(text), { operations: 6, bytesRead: 48, bytesWritten: 40 });
});

test.run();
