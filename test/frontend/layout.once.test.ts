import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { denseLayout, reshapeStrides, stridedLayout } from '../../src/frontend/layout.ts';
import { nd } from '../../src/index.ts';
import { stridesOf, tensor } from '../../src/ir/type.ts';

const { device } = nd.zeros([1]);
const strided = (shape: number[], strides: number[]): ReturnType<typeof stridedLayout> =>
  stridedLayout(device, tensor('float32', shape), strides);

test('equal layouts are one object, row-major ones the dense one', () => {
  const type = tensor('float32', [2, 3]);
  assert.ok(stridedLayout(device, type, [3, 1]) === denseLayout(device, type));
  const columns = strided([2, 3], [1, 2]);
  assert.ok(columns === strided([2, 3], [1, 2]));
  assert.ok(strided([1, 3], [77, 1]) === denseLayout(device, tensor('float32', [1, 3])));
  assert.ok(strided([1, 3], [77, 2]) === strided([1, 3], [5, 2]));
});

test('reshapes find strides exactly when elements need not move', () => {
  const offsets = (shape: readonly number[], strides: readonly number[]): number[] =>
    shape.length === 0
      ? [0]
      : Array.from({ length: shape[0]! }, (_, i) =>
          offsets(shape.slice(1), strides.slice(1)).map((o) => o + i * strides[0]!),
        ).flat();
  const layouts = [
    strided([4, 6], [12, 2]),
    strided([4, 6], [1, 4]),
    strided([2, 3, 4], [24, 8, 1]),
    strided([2, 3, 4], [24, 4, 1]),
    strided([2, 1, 12], [12, 0, 1]),
    strided([3, 8], [0, 1]),
    strided([24], [3]),
  ];
  const shapes = [
    [24],
    [4, 6],
    [2, 12],
    [2, 2, 6],
    [4, 2, 3],
    [1, 24, 1],
    [3, 8],
    [2, 3, 4],
    [6, 4],
  ];
  for (const layout of layouts)
    for (const shape of shapes) {
      const strides = reshapeStrides(layout, shape);
      const own = layout.strides ?? stridesOf(layout.type.shape);
      const order = offsets(layout.type.shape, own);
      if (strides !== undefined) assert.equal(offsets(shape, strides), order);
      else {
        // No affine strides exist: some row of the target jumps by different amounts.
        const step = stridesOf(shape);
        const even = shape.every((d, axis) => {
          const jump = order[step[axis]!]! - order[0]!;
          return (
            d === 1 ||
            order.every(
              (o, i) =>
                Math.floor(i / step[axis]!) % d === d - 1 || order[i + step[axis]!]! - o === jump,
            )
          );
        });
        assert.not.ok(even, `${own} of ${layout.type.shape} as ${shape}`);
      }
    }
});

test.run();
