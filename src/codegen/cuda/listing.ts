/**
 * A program's translation unit as one text for people: kernels, then what is launched with which arguments, in order.
 *
 * Invariant: the text is one that NVRTC compiles; it is what a device is given, but for names.
 */
import type { Program } from '../../ir/program.ts';
import type { CudaArgument, MapShape } from './module.ts';
import { renderParts, renderProgram } from './program.ts';

/** The listing of a program. */
export const programListing = (program: Program): string => {
  const { source, kernels, steps } = renderProgram(program, { names: 'own' });
  const given = (argument: CudaArgument): string =>
    argument.kind === 'scalars'
      ? `scalars + ${argument.offset}`
      : `${program.buffers[argument.buffer]!.name}${argument.kind === 'buffer' ? '' : ` (${showMap(argument.map)})`}`;
  const launches = steps.map(({ kernel, step, arguments: list }) => {
    const { name, grid } = kernels[kernel]!;
    return `// ${step}: ${name}<<<${grid[0]}>>>(${list.map(given).join(', ')})\n`;
  });
  const title = `// ${program.name}: ${kernels.length} kernels, ${steps.length} launches\n`;
  return `${title}\n${source}\n${launches.join('')}`;
};

const showMap = ({ extents, box }: MapShape): string =>
  `boxes ${box.join(' x ')} of ${extents.join(' x ')}`;

/** The text of each kernel alone, by its name in the program. */
export const kernelTexts = (program: Program): ReadonlyMap<string, string> => {
  const { texts, steps } = renderParts(program, { names: 'own' });
  return new Map(
    steps.map(({ kernel, step }) => [
      program.kernels[program.steps[step]!.kernel]!.name,
      `${texts[kernel]!}\n`,
    ]),
  );
};
