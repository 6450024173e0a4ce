/** Type errors name the op, its operands with their types, the broken rule, and what to do. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TigonError } from '../../../src/ir/errors.ts';
import type { Attrs } from '../../../src/ir/graph/graph.ts';
import { graphOps } from '../../../src/ir/graph/registry.ts';
import { type TensorType, tensor } from '../../../src/ir/type.ts';

const f32 = (...shape: number[]): TensorType => tensor('float32', shape);
const i32 = (...shape: number[]): TensorType => tensor('int32', shape);
const conv2 = { strides: [1, 1], low: [0, 0], high: [0, 0], dilations: [1, 1], groups: 1 };
const matmul = { aBatch: [], bBatch: [], aContract: [1], bContract: [0] };

const cases: readonly (readonly [op: string, TensorType[], Attrs, message: string])[] = [
  [
    'add',
    [f32(2, 3), f32(3)],
    {},
    'ShapeError add: operands have different shapes ([2, 3] ≠ [3]): a f32[2, 3] · b f32[3]',
  ],
  ['add', [f32(3), i32(3)], {}, 'DTypeError add: does not take f32, i32: a f32[3] · b i32[3]'],
  ['exp', [i32(3)], {}, 'DTypeError exp: does not take i32: x i32[3]'],
  ['exp', [f32(3), f32(3)], {}, 'ValueError exp: takes 1 operand (x), not 2: x f32[3] · f32[3]'],
  [
    'reshape',
    [f32(2, 3)],
    { shape: [4] },
    'ShapeError reshape: 6 elements do not fill [4] (4): x f32[2, 3]',
  ],
  [
    'slice',
    [f32(5)],
    { begin: [2], end: [9], step: [1] },
    'ShapeError slice: [2:9:1] leaves axis 0 of size 5: x f32[5]',
  ],
  [
    'concat',
    [f32(2, 3), f32(3, 3)],
    { axis: 1 },
    'ShapeError concat: sizes differ off axis 1 ([2, 3] ≠ [3, 3]): x0 f32[2, 3] · x1 f32[3, 3]',
  ],
  [
    'sum',
    [f32(2, 3)],
    { axes: [2] },
    'ShapeError sum: axes [2] are not increasing axes of a 2-dimensional array: x f32[2, 3]',
  ],
  [
    'dot',
    [f32(2, 3), f32(5, 4)],
    matmul,
    'ShapeError dot: inner sizes differ (3 ≠ 5): a f32[2, 3] · b f32[5, 4]',
  ],
  [
    'conv',
    [f32(1, 3, 8, 8), f32(4, 2, 3, 3)],
    conv2,
    'ShapeError conv: input channels differ (3 ≠ 2): x f32[1, 3, 8, 8] · w f32[4, 2, 3, 3]',
  ],
  [
    'conv',
    [f32(1, 3, 2, 8), f32(4, 3, 3, 3)],
    conv2,
    'ShapeError conv: window 3 is larger than axis 2 with its padding (2 + 0 + 0): x f32[1, 3, 2, 8] · w f32[4, 3, 3, 3]',
  ],
  [
    'take',
    [f32(4, 2), f32(3)],
    { axis: 0 },
    'DTypeError take: indices must be int32, not float32: x f32[4, 2] · idx f32[3]',
  ],
  [
    'layerNorm',
    [f32(4, 2), f32(4), f32(2)],
    { axis: 1, eps: 1e-5 },
    'ShapeError layerNorm: gamma must have shape [2]: x f32[4, 2] · gamma f32[4] · beta f32[2]',
  ],
  ['full', [], { value: 1, dtype: 'f64', shape: [] }, 'DTypeError full: no such dtype: f64'],
];

for (const [op, inputs, attrs, message] of cases)
  test(message, () => {
    try {
      graphOps.get(op)!.type(inputs, attrs);
    } catch (error) {
      assert.instance(error, TigonError);
      const { name, brief, help } = error as TigonError;
      assert.is(`${name} ${brief}`, message);
      assert.ok(help !== undefined && help.length > 5, 'says what to do');
      return;
    }
    assert.unreachable('no error');
  });

test.run();
