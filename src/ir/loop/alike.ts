/**
 * What a kernel does, as text without names and ids: kernels of equal text do the same, buffer for buffer.
 *
 * Invariant: the text holds everything of a kernel but what people call things. It says `#n` where something that has an
 * identity (axis, buffer, expression) comes again; nobody reads it back.
 */
import type { Idx } from '../dim.ts';
import type { AccExpr, LoopBuffer, LoopKernel, Nest } from './loop.ts';

const LEFT_OUT: ReadonlySet<string> = new Set(['id', 'key', 'keyText', 'name', 'origin']);

const isAcc = (value: object): value is AccExpr => 'kind' in value && value.kind === 'acc';

/** The text of a kernel, or of a nest. */
export const namelessText = (whole: LoopKernel | Nest): string => {
  const numbers = new Map<object, number>();
  const buffers: number[] = [];
  /** Reshapes of a buffer are other objects of its id. */
  const bufferOf = ({ id }: LoopBuffer): number => {
    if (!buffers.includes(id)) buffers.push(id);
    return buffers.indexOf(id);
  };
  const text = (value: unknown): string => {
    if (typeof value !== 'object' || value === null)
      return Object.is(value, -0) ? '-0' : `${value}`;
    if (Array.isArray(value)) return `[${value.map(text)}]`;
    if ('terms' in value) return indexText(value as Idx);
    let own = '';
    if ('id' in value) {
      const known = numbers.get(value);
      if (known !== undefined) return `#${known}`;
      numbers.set(value, numbers.size);
      if ('strides' in value) own = `${bufferOf(value as LoopBuffer)}`;
      if (isAcc(value)) own = value.name;
    }
    for (const key in value)
      if (!LEFT_OUT.has(key)) own += `${key}:${text(value[key as keyof typeof value])};`;
    return `{${own}}`;
  };
  /** Most of a kernel is indices, and most of these are axes: their bounds follow from what is said of the axes. */
  const indexText = ({ terms, constant }: Idx): string => {
    let sum = `${constant}`;
    for (let i = 0; i < terms.length; i++) {
      const { coef, atom } = terms[i]!;
      sum += `+${coef}*${text(atom.kind === 'axis' ? atom.axis : atom)}`;
    }
    return sum;
  };
  return text(whole);
};

/** What kernels of equal text have in common, for less: the shapes of their arrays, and how many values they store. */
export const outlineOf = ({ buffers, nests }: LoopKernel): string =>
  `${buffers.map((b) => `${b.dtype}${b.shape}/${b.strides}`).join()}|${nests.map((n) => `${n.stores.length}:${n.axes.map((a) => a.extent)}`).join()}`;
