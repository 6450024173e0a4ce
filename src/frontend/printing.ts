/**
 * Arrays as text: shape, dtype, device and, where they can be read at once, the values.
 *
 * Invariant: printing never fails: an array without readable values says why it has none.
 */
import { showType } from '../ir/type.ts';
import type { AnyTypedArray } from './nd/filled.ts';
import type { NDArray } from './ndarray.ts';
import { dataSync } from './reading.ts';

/** Longer axes show their first and last elements. */
const EDGE = 3;
const LONGEST = 2 * EDGE + 2;

/** `NDArray f32[2, 2] on cpu()`, then the values. */
export const show = (x: NDArray): string => {
  const head = `NDArray ${showType(x.type)} on ${x.device.name}`;
  if (x.traced !== undefined)
    return `${head} (${x.traced.node.op.name}, ${
      x.traced.trace.ended ? 'from a finished trace' : 'being traced'
    })`;
  if (x.storage === undefined) return `${head} (disposed)`;
  let values: ArrayLike<number | bigint>;
  try {
    values = dataSync<AnyTypedArray>(x);
  } catch {
    return `${head} (read with await x.data())`;
  }
  return `${head}\n${render(x, values)}`;
};

const positions = (count: number): (number | undefined)[] => {
  const all = Array.from({ length: count }, (_, i) => i);
  return count <= LONGEST ? all : [...all.slice(0, EDGE), undefined, ...all.slice(-EDGE)];
};

const render = (x: NDArray, values: ArrayLike<number | bigint>): string => {
  const { shape, dtype } = x;
  const texts = new Map<number, string>();
  const visit = (axis: number, base: number): void => {
    if (axis === shape.length) texts.set(base, spell(values[base]!, dtype));
    else
      for (const i of positions(shape[axis]!))
        if (i !== undefined) visit(axis + 1, base * shape[axis]! + i);
  };
  visit(0, 0);
  const width = Math.max(0, ...[...texts.values()].map((t) => t.length));
  const write = (axis: number, base: number): string => {
    if (axis === shape.length) return texts.get(base)!.padStart(shape.length === 0 ? 0 : width);
    const parts = positions(shape[axis]!).map((i) =>
      i === undefined ? '…' : write(axis + 1, base * shape[axis]! + i),
    );
    const last = axis === shape.length - 1;
    return `[${parts.join(last ? ', ' : `,\n${' '.repeat(axis + 1)}`)}]`;
  };
  return write(0, 0);
};

const spell = (value: number | bigint, dtype: string): string => {
  if (typeof value === 'bigint') return String(value);
  if (dtype === 'bool') return value === 0 ? 'false' : 'true';
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 53)
    return Object.is(value, -0) ? '-0' : String(value);
  return String(Number(value.toPrecision(5)));
};
