/**
 * Layouts: where an array lives, its type and its strides, interned so that eager caches can key on one small integer.
 *
 * Invariant: two arrays with equal device, type and strides share one `Layout` object; `strides` is undefined exactly
 * when the elements lie row-major without gaps. Handles that nobody sees any more have copies of theirs, so that programs
 * that captured them are made anew.
 */
import type { DType } from '../ir/dtype.ts';
import { remember } from '../ir/remember.ts';
import { byteLength, type Shape, stridesOf, type TensorType, tensor } from '../ir/type.ts';
import type { Device } from '../runtime/device.ts';

export interface Layout {
  /** Small dense integer: what plan caches key on. */
  readonly id: number;
  readonly device: Device;
  readonly type: TensorType;
  /** In elements; undefined when row-major. */
  readonly strides: readonly number[] | undefined;
  /** Bytes of a row-major array of this type. */
  readonly bytes: number;
}

interface Table {
  readonly dense: Map<number, Layout>;
  readonly strided: Map<string, Layout>;
  readonly scalar: Map<DType, Layout>;
}

const tables = new WeakMap<Device, Table>();
let nextId = 1;

const tableOf = (device: Device): Table =>
  remember(tables, device, () => ({ dense: new Map(), strided: new Map(), scalar: new Map() }));

const make = (
  device: Device,
  type: TensorType,
  strides: readonly number[] | undefined,
): Layout => ({ id: nextId++, device, type, strides, bytes: byteLength(type) });

/** The row-major layout of `type` on `device`. */
export const denseLayout = (device: Device, type: TensorType): Layout =>
  remember(tableOf(device).dense, type.id, () => make(device, type, undefined));

/** What a JavaScript number of `dtype` is keyed as: its value stays out of the key. */
export const scalarLayout = (device: Device, dtype: DType): Layout =>
  remember(tableOf(device).scalar, dtype, () => make(device, tensor(dtype, []), undefined));

/** The layout with these strides; row-major ones (axes of size 1 may have any) give the dense layout. */
export const stridedLayout = (
  device: Device,
  type: TensorType,
  strides: readonly number[],
): Layout => {
  const dense = stridesOf(type.shape);
  if (type.size <= 1 || strides.every((s, i) => type.shape[i] === 1 || s === dense[i]))
    return denseLayout(device, type);
  const plain = strides.map((s, i) => (type.shape[i] === 1 ? 0 : s));
  return remember(tableOf(device).strided, `${type.id}:${plain.join(',')}`, () =>
    make(device, type, plain),
  );
};

/** Strides in elements, row-major ones spelled out. */
export const stridesIn = (layout: Layout): readonly number[] =>
  layout.strides ?? stridesOf(layout.type.shape);

/**
 * The strides of `layout` seen as `shape` (of equal size), or undefined when the elements would have to move.
 * Source axes that follow each other without a gap are one run; each run must be cut by target axes exactly.
 */
export const reshapeStrides = (layout: Layout, shape: Shape): readonly number[] | undefined => {
  if (layout.strides === undefined || layout.type.size === 0) return stridesOf(shape);
  const runs: { extent: number; stride: number }[] = [];
  layout.type.shape.forEach((extent, i) => {
    const stride = layout.strides![i]!;
    const last = runs[runs.length - 1];
    if (extent === 1) return;
    if (last !== undefined && last.stride === extent * stride) {
      last.extent *= extent;
      last.stride = stride;
    } else runs.push({ extent, stride });
  });
  const strides = new Array<number>(shape.length).fill(0);
  let axis = shape.length - 1;
  for (const run of runs.reverse()) {
    let covered = 1;
    while (covered < run.extent) {
      if (axis < 0) return undefined;
      strides[axis] = run.stride * covered;
      covered *= shape[axis--]!;
    }
    if (covered !== run.extent) return undefined;
  }
  return strides;
};
