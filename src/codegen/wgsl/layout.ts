/**
 * What WGSL array a buffer (or several that are the same memory) becomes.
 *
 * Invariant: the array holds the bytes that Thread IR means; several threads never write parts of one element of it,
 * except atomically. Where a last vector or word sticks out of the buffer, memory is padded to 16 bytes.
 */
import { bytesOf, type DType } from '../../ir/dtype.ts';
import { invariant } from '../../ir/errors.ts';
import type { ThreadBuffer } from '../../ir/thread/thread.ts';
import type { Alignment } from '../text/alignment.ts';
import type { Use } from '../text/uses.ts';
import type { WgslFeatures } from './shader.ts';
import { noWide } from './text.ts';

/** Element types of arrays whose elements stand alone. */
export type Plain = 'f32' | 'i32' | 'u32' | 'f16';

export type Layout =
  /** One element each, or four. */
  | { readonly kind: 'scalars' | 'vectors'; readonly elem: Plain }
  /** Elements of 8 or 16 bits in u32: read and written as whole words, or changed atomically. */
  | { readonly kind: 'words' | 'atomics'; readonly bits: 8 | 16 }
  /** Four elements of 16 bits in vec2u. */
  | { readonly kind: 'pairs' };

/** The element type of a buffer that is not packed. */
const plainOf = (dtype: DType, space: ThreadBuffer['space'], f16: boolean): Plain | undefined => {
  switch (dtype) {
    case 'float32':
      return 'f32';
    case 'int32':
      return 'i32';
    case 'uint32':
      return 'u32';
    case 'float16':
      return f16 ? 'f16' : space === 'shared' ? 'f32' : undefined;
    case 'bfloat16':
      return space === 'shared' ? 'f32' : undefined;
    case 'int8':
    case 'uint8':
    case 'int16':
    case 'uint16':
      return space === 'shared' ? 'i32' : undefined;
    case 'bool':
      return space === 'shared' ? 'u32' : undefined;
    case 'float64':
    case 'int64':
    case 'uint64':
      throw noWide();
    default:
      return dtype satisfies never;
  }
};

/** The layout of `buffers`, which are one memory. */
export const layoutOf = (
  buffers: readonly ThreadBuffer[],
  uses: readonly Use[],
  alignment: Alignment,
  features: WgslFeatures,
): Layout => {
  const [first] = buffers;
  invariant(
    buffers.every((b) => bytesOf(b.dtype) === bytesOf(first!.dtype)),
    `${buffers.map((b) => b.name).join(' and ')} share memory and have elements of one size`,
  );
  const own = uses.filter((u) => buffers.includes(u.buffer));
  const whole = (u: Use, twos: number): boolean => u.lanes === 4 && alignment.twos(u.index) >= twos;
  const plains = buffers.map((b) => plainOf(b.dtype, b.space, features.f16));
  const [plain] = plains;
  // of two kinds of 16 bits in one memory, one is packed
  if (plain === undefined || plains.includes(undefined)) {
    const bits = bytesOf(first!.dtype) === 1 ? 8 : 16;
    if (bits === 16 && own.length > 0 && own.every((u) => whole(u, 2))) return { kind: 'pairs' };
    const stores = own.filter((u) => u.store);
    return { kind: stores.every((u) => whole(u, bits === 8 ? 2 : 1)) ? 'words' : 'atomics', bits };
  }
  const elem = buffers.every((b) => b.dtype === first!.dtype) ? plain : 'u32';
  const aligned = own.filter((u) => whole(u, 2));
  const others = own.filter((u) => !whole(u, 2));
  const weight = (list: readonly Use[]): number =>
    list.reduce((sum, u) => sum + u.lanes * 8 ** u.depth, 0);
  const vectors =
    aligned.length > 0 && others.every((u) => !u.store) && weight(aligned) >= weight(others);
  return { kind: vectors ? 'vectors' : 'scalars', elem };
};

/** The WGSL type of an element of the array. */
export const elementType = (layout: Layout): string => {
  switch (layout.kind) {
    case 'scalars':
      return layout.elem;
    case 'vectors':
      return layout.elem === 'f16' ? 'vec4h' : `vec4${layout.elem[0]}`;
    case 'words':
      return 'u32';
    case 'atomics':
      return 'atomic<u32>';
    case 'pairs':
      return 'vec2u';
    default:
      return layout satisfies never;
  }
};
