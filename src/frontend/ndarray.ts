/// <reference lib="esnext.disposable" preserve="true" />
/**
 * NDArray: a handle to a value: elements in device memory, or a node of the program being traced.
 *
 * Invariants: values are never changed, only handles are rebound (parameter updates, gradient writes); each live handle
 * is counted in `storage.holders`; exactly one of `storage` and `traced` is set until the array is disposed.
 */
import { type DType, isWide } from '../ir/dtype.ts';
import type { Node } from '../ir/graph/graph.ts';
import { type Shape, showType, type TensorType } from '../ir/type.ts';
import { noWide } from '../passes/no-wide.ts';
import type { Device, Storage } from '../runtime/device.ts';
import { blockPath, failure, located } from './callsite.ts';
import type { Layout } from './layout.ts';
import type { Methods } from './methods.ts';
import type { Origin } from './tape.ts';
import type { Trace } from './trace.ts';

/** The value of an array made while tracing. */
export interface Traced {
  readonly trace: Trace;
  readonly node: Node;
}

/** What functions of arrays take: a number becomes an array of the other operand's dtype. */
export type Operand = NDArray | number;

export interface NDArray extends Methods {}

/**
 * A dense array of numbers of one dtype, with any number of axes. Make one with `nd.array`, `nd.zeros`, ...; its methods
 * are listed in {@link Methods}, and are the functions of `nd` with the array first.
 *
 * @throws {ValueError} for JavaScript's operators: `x * 2`, `x < y`
 *
 * @example
 * const x = nd.array([[1, 2], [3, 4]]);
 * await x.add(1).sum({ axis: 0 }).array();   // [6, 8]
 * x.shape;   // [2, 2]
 * x.dtype;   // 'float32'
 * x.ndim * x.size;   // 8
 * x.arraySync();   // [[1, 2], [3, 4]]
 * x.T.dataSync();   // [1, 3, 2, 4]
 * x.max().itemSync();   // 4
 * const y = x.detach().copy();
 * x.dispose();
 * y.at(0);   // [1, 2]
 */
export class NDArray {
  /** @internal */
  layout: Layout;
  /** @internal */
  storage: Storage | undefined;
  /** In bytes. @internal */
  offset: number;
  /** @internal */
  traced: Traced | undefined;
  /** Where gradients flow to from here. @internal */
  origin: Origin | undefined;

  /** @internal */
  constructor(
    layout: Layout,
    storage: Storage | undefined,
    offset: number,
    traced: Traced | undefined,
  ) {
    this.layout = layout;
    this.storage = storage;
    this.offset = offset;
    this.traced = traced;
    this.origin = undefined;
  }

  /** Sizes of the axes. Known while tracing too. */
  get shape(): Shape {
    return this.layout.type.shape;
  }
  /** The type of the elements: 'float32', 'int32', 'bool', ... */
  get dtype(): DType {
    return this.layout.type.dtype;
  }
  /** Number of axes. */
  get ndim(): number {
    return this.layout.type.shape.length;
  }
  /** Number of elements. */
  get size(): number {
    return this.layout.type.size;
  }
  /** Where the elements are. */
  get device(): Device {
    return this.layout.device;
  }
  /** @internal */
  get type(): TensorType {
    return this.layout.type;
  }

  /**
   * Gives the memory back now instead of when the array is garbage collected. Using the array afterwards is an error;
   * other arrays that look at the same memory stay usable. Also at the end of a `using` block.
   *
   * @throws nothing, also the second time
   */
  dispose(): void {
    const { storage } = this;
    this.storage = undefined;
    this.traced = undefined;
    this.origin = undefined;
    if (storage !== undefined) letGo(storage);
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** One holder less; memory that nobody holds goes back to the pool. */
export const letGo = (storage: Storage): void => {
  if (--storage.holders <= 0) storage.device.release(storage);
};

/** A handle to fresh memory with undefined contents. */
export const allocated = (layout: Layout, label: string): NDArray => {
  const { device, type } = layout;
  if (isWide(type.dtype) && !device.caps.wide)
    throw failure(...noWide(`${label}(${showType(type)})`, type.dtype, device.name));
  let storage: Storage;
  try {
    storage = layout.device.allocate(layout.bytes, label);
  } catch (error) {
    throw located(error, `${label}(${showType(layout.type)})`);
  }
  storage.holders = 1;
  return new NDArray(layout, storage, 0, undefined);
};

/** A second handle to the same value, without history. */
export const aliasOf = (x: NDArray): NDArray => viewOf(x, x.layout, x.offset);

/** A handle to the same memory seen through another layout, without history. */
export const viewOf = (x: NDArray, layout: Layout, offset: number): NDArray => {
  if (x.storage !== undefined) x.storage.holders++;
  return new NDArray(layout, x.storage, offset, x.traced);
};

/** The memory of `x`, or the error that says why there is none. */
export const storageOf = (x: NDArray, where: string): Storage => {
  if (x.storage !== undefined) return x.storage;
  throw valueError(x, where);
};

/** Why an array without memory has none: it belongs to a trace, or was disposed. */
export const valueError = (x: NDArray, where: string): Error => {
  if (x.traced === undefined)
    return failure(
      'freed',
      `${where}: this array ${showType(x.type)} was disposed`,
      'do not use an array after dispose() or after the end of its `using` block',
    );
  const name = x.traced.node.op.name;
  if (!x.traced.trace.ended)
    return failure(
      'trace',
      `${where}: the value of ${showType(x.type)} (from ${name}) is not known while tracing${
        blockPath() === undefined ? '' : ` ${blockPath()}`
      }`,
      'use where() for a choice by value, read values outside the hybridized function, or leave this block imperative with hybridize({ active: false })',
    );
  if (x.traced.trace.dropped.has(x))
    return failure(
      'trace',
      `${where}: this gradient ${showType(x.type)} was used up by the update inside ${x.traced.trace.name}, and not written`,
      'pass { keepGradients: true } to hybridize to read gradients of a compiled step',
    );
  return failure(
    'trace',
    `${where}: this array ${showType(x.type)} (from ${name}) was made while tracing ${x.traced.trace.name} and has no value of its own`,
    'return it from the hybridized function instead of keeping it in a variable',
  );
};

/**
 * True for arrays (of any shape and dtype), false for whatever else.
 *
 * @throws nothing
 *
 * @example nd.isNDArray(nd.ones([2]));   // true
 */
export const isNDArray = (x: unknown): x is NDArray => x instanceof NDArray;

/** Makes `x` stand for `value`, which loses nothing: both handles then share memory. Types must be equal. */
export const rebind = (x: NDArray, value: NDArray): void => {
  const old = x.storage;
  if (value.storage !== undefined) value.storage.holders++;
  x.layout = value.layout;
  x.storage = value.storage;
  x.offset = value.offset;
  x.traced = value.traced;
  if (old !== undefined) letGo(old);
};
