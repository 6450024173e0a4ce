/**
 * Program → one translation unit, and for each step what its arguments are.
 *
 * Invariant: kernels that do the same to other buffers are one; buffers that are the same memory in a launch (a temporary
 * in another's place, one buffer bound twice) are one pointer.
 */
import type { Dispatch, Program } from '../../ir/program.ts';
import { type Bound, ScalarBlocks, Slots } from '../text/program.ts';
import { Library, type LibraryTexts } from './library.ts';
import type { CudaArgument, CudaKernel, CudaProgram, CudaStep } from './module.ts';
import { kernelName } from './names.ts';
import { renderKernel } from './render.ts';
import type { BufferPlace } from './scope.ts';
import { unitText } from './unit.ts';

/** Where blocks of scalars start. */
const BLOCK = 16;

export interface ProgramOptions {
  /** Whether variables and kernels are called after the program's, for people, or by position. */
  readonly names: 'own' | 'plain';
}

/** A program before its texts are put together. */
export interface ProgramParts extends Omit<CudaProgram, 'source'> {
  /** Of each kernel. */
  readonly texts: readonly string[];
  /** What they call. */
  readonly library: LibraryTexts;
}

/** Renders all of a program. */
export const renderProgram = (program: Program, options: ProgramOptions): CudaProgram => {
  const { texts, library, ...rest } = renderParts(program, options);
  return { source: unitText(library, texts), ...rest };
};

/** Renders the kernels of a program. */
export const renderParts = (program: Program, { names }: ProgramOptions): ProgramParts => {
  const kernels: CudaKernel[] = [];
  const texts: string[] = [];
  const byText = new Map<string, number>();
  const library = new Library();
  const scalars = new ScalarBlocks(program, BLOCK);

  /** The kernel of a step, rendered if nothing like it was. */
  const kernelOf = (step: Dispatch, places: readonly BufferPlace[]): number => {
    const kernel = program.kernels[step.kernel]!;
    const key = renderKernel(kernel, { places, names: 'plain', name: 'kernel' }, new Library());
    const maps = key.kernel.parameters.filter((p) => p.kind === 'tensorMap');
    const identity = `${key.kernel.grid.join()} ${JSON.stringify(maps)} ${key.text}`;
    const known = byText.get(identity);
    if (known !== undefined) return known;
    const name = kernelName(names === 'own' ? kernel.name : 'kernel', kernels.length);
    const rendered = renderKernel(kernel, { places, names, name }, library);
    byText.set(identity, kernels.length);
    texts.push(names === 'own' ? `${heading(rendered.kernel)}\n${rendered.text}` : rendered.text);
    return kernels.push(rendered.kernel) - 1;
  };

  const steps = program.steps.flatMap((step, i): CudaStep[] => {
    if (program.kernels[step.kernel]!.grid === 0) return [];
    const { places, slots } = placesOf(program, step);
    const kernel = kernelOf(step, places);
    const given = kernels[kernel]!.parameters.map((p): CudaArgument => {
      switch (p.kind) {
        case 'buffer':
          return { kind: 'buffer', ...slots[p.slot]! };
        case 'scalars': {
          const own = step.bindings.filter((_, j) => places[j]!.kind === 'scalar');
          return { kind: 'scalars', offset: scalars.block(own) };
        }
        case 'tensorMap':
          return { kind: 'tensorMap', ...slots[p.slot]!, map: p.map };
        default:
          return p satisfies never;
      }
    });
    return [{ kernel, arguments: given, step: i }];
  });
  return {
    kernels,
    steps,
    scalars: scalars.slots,
    scalarBytes: scalars.bytes,
    texts,
    library: library.texts,
  };
};

/** What is launched, for people. */
const heading = ({ name, grid, threads, sharedBytes }: CudaKernel): string => {
  const shared = sharedBytes === 0 ? '' : `, ${sharedBytes} bytes of shared memory`;
  return `// ${name}: ${grid[0]} blocks of ${threads} threads${shared}`;
};

/** A place for each binding of a step, and what is in each slot. */
const placesOf = (
  program: Program,
  step: Dispatch,
): { readonly places: BufferPlace[]; readonly slots: readonly Bound[] } => {
  const slots = new Slots();
  const places = step.bindings.map(
    (b, i): BufferPlace =>
      program.buffers[b]!.role === 'scalar'
        ? { kind: 'scalar' }
        : { kind: 'memory', slot: slots.of(program, step, i) },
  );
  return { places, slots: slots.list };
};
