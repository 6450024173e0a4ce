/** Where attention in blocks is faster than shares that are kept, as measured (docs/performance.md). */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type AttentionParts,
  blocksPay,
} from '../../../src/codegen/templates/attention-estimate.ts';
import { explain, hybridize, nd } from '../../../src/index.ts';

const FORWARD: AttentionParts = { result: true, gradients: false };
const BACKWARD: AttentionParts = { result: false, gradients: true };
const BOTH: AttentionParts = { result: true, gradients: true };

const pays = (length: number, depth: number, parts: AttentionParts, given = ''): boolean =>
  blocksPay(
    {
      queries: length,
      keys: length,
      depth,
      width: depth,
      causal: given.includes('causal'),
      dropout: given.includes('dropout'),
    },
    parts,
  );

const WIDTHS = [32, 64, 128];

test('results alone are computed in blocks where a mask leaves half, from 64 positions on', () => {
  for (const depth of WIDTHS) {
    assert.is(pays(64, depth, FORWARD), false);
    assert.is(pays(64, depth, FORWARD, 'causal'), true);
  }
});

test('gradients with the result are computed in blocks where a mask leaves half, from 128 positions on', () => {
  for (const depth of WIDTHS)
    for (const given of ['', 'dropout']) {
      assert.is(pays(32, depth, BOTH, `causal ${given}`), false);
      assert.is(pays(128, depth, BOTH, `causal ${given}`), true);
      assert.is(pays(1024, depth, BOTH, given), false);
    }
});

test('gradients alone make their shares again either way: blocks', () => {
  for (const depth of WIDTHS) assert.is(pays(256, depth, BACKWARD), true);
});

test('a mask that hides what is behind queries hides less where there are fewer keys than queries', () => {
  const sizes = { depth: 64, width: 64, causal: true, dropout: false };
  assert.is(blocksPay({ ...sizes, queries: 256, keys: 256 }, BOTH), true);
  assert.is(blocksPay({ ...sizes, queries: 2048, keys: 128 }, BOTH), false);
});

test('composed causal attention of few pairs is found, and other attention of as many is left', () => {
  const [heads, length, depth] = [2, 64, 32];
  const past = (): nd.NDArray => nd.tril(nd.ones([length, length])).eq(1);
  const attend = (causal: boolean) =>
    hybridize((q: nd.NDArray, k: nd.NDArray, v: nd.NDArray) => {
      const scores = nd.batchDot(q, k, { transposeB: true });
      const shown = causal ? nd.where(past(), scores, -1e9) : scores;
      return nd.batchDot(shown.softmax(), v);
    });
  const x = nd.ones([heads, length, depth]);
  for (const causal of [true, false]) {
    const f = attend(causal);
    f(x, x, x);
    assert.is(/attention 2 x 64 x 64: blocks/.test(String(explain(f))), causal);
  }
});

test.run();
