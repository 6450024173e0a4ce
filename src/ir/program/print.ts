/**
 * Programs as `.tg` text: buffers with their places, the kernels, and what is run in which order.
 *
 * Invariant: `parseProgram` reads the text back to an equal program; buffers and kernels have unique names in it.
 */
import { bytesOf, shortName } from '../dtype.ts';
import type { Program, ProgramBuffer, Window } from '../program.ts';
import { Names, spellDouble, spellName } from '../text/words.ts';
import { printThread } from '../thread/print.ts';
import { spanOf, stridesOf } from '../type.ts';

/**
 * The text of a program.
 *
 * @throws nothing
 *
 * @see {@link printGraph}
 */
export const printProgram = (program: Program): string => {
  const names = new Names<object>();
  const buffer = (i: number): string => {
    const b = program.buffers[i]!;
    return spellName(names.of(b, b.name));
  };
  const kernels = new Names<object>();
  const kernelNames = program.kernels.map((k) => kernels.of(k, k.name));
  const buffers = program.buffers.map((b, i) => `  ${showBuffer(b, buffer(i), buffer)}\n`);
  const threads = program.kernels.map((k, i) =>
    printThread(k, kernelNames[i]!).replace(/^(?=.)/gm, '  '),
  );
  const steps = program.steps.map(({ kernel, bindings, windows, barrier }, step) => {
    const shown = bindings.map((b, i) => `${buffer(b)}${showWindow(windows?.[i])}`);
    const inside = program.loops.filter((l) => l.first < step && step < l.end).length;
    const begins = program.loops.filter((l) => l.first === step);
    const ends = program.loops.filter((l) => l.end === step + 1);
    const pad = (depth: number): string => '  '.repeat(1 + depth);
    const open = begins.map((l, i) => `${pad(inside + i)}loop ${l.trips} {\n`);
    const depth = inside + begins.length;
    const close = ends.map((_, i) => `${pad(depth - 1 - i)}}\n`);
    const call = `${spellName(kernelNames[kernel]!)}(${shown.join(', ')})`;
    return `${open.join('')}${pad(depth)}${barrier ? 'barrier ' : ''}run ${call}\n${close.join('')}`;
  });
  return `program ${spellName(program.name)} {
  arena ${program.arenaBytes}, ${program.lowerBoundBytes}
${buffers.join('')}${threads.join('')}${steps.join('')}}
`;
};

/** Where it begins, then how far it moves in each round of the loops around. */
const showWindow = (window: Window | undefined): string =>
  window === undefined ? '' : `[${[window.offset, ...window.strides].join(', ')}]`;

const showBuffer = (b: ProgramBuffer, name: string, nameAt: (i: number) => string): string => {
  let text = `${b.role} ${name}: ${shortName(b.dtype)}[${b.shape.join(', ')}]`;
  if (b.strides.some((s, i) => s !== stridesOf(b.shape)[i]))
    text += ` strides [${b.strides.join(', ')}]`;
  if (b.bytes !== spannedBytes(b)) text += ` bytes ${b.bytes}`;
  if (b.offset !== undefined) text += ` offset ${b.offset}`;
  if (b.inPlaceOf !== undefined) text += ` inplace ${nameAt(b.inPlaceOf)}`;
  if (b.values !== undefined) text += ` = [${b.values.map(spellDouble).join(', ')}]`;
  return text;
};

/** Bytes from the first to the last element that a buffer reaches. */
export const spannedBytes = (view: Pick<ProgramBuffer, 'dtype' | 'shape' | 'strides'>): number =>
  spanOf(view.shape, view.strides) * bytesOf(view.dtype);
