/**
 * A program's shaders as one text for people: each shader, then what is dispatched and bound, in order.
 *
 * Invariant: the text of a shader is what a device is given, but for the names of variables.
 */
import type { Program } from '../../ir/program.ts';
import type { Caps } from '../caps.ts';
import { GUARANTEED_FEATURES } from './caps.ts';
import { ownNames } from './names.ts';
import { renderProgram } from './program.ts';
import type { BoundRange, WgslFeatures } from './shader.ts';

/** The listing of a program. */
export const programListing = (program: Program, features: WgslFeatures): string => {
  const { shaders, steps } = renderProgram(program, { features, names: ownNames });
  const bound = (range: BoundRange): string =>
    range.kind === 'uniform' ? 'scalars' : program.buffers[range.buffer]!.name;
  const launches = steps.map(({ shader, dispatch, bindings }, i) => {
    const list = bindings.map((r) => `${r.binding} ${bound(r)}`).join(', ');
    return `// ${i}: ${shaders[shader]!.name}, ${dispatch.join(' x ')} workgroups; ${list}\n`;
  });
  const title = `// ${program.name}: ${shaders.length} shaders, ${steps.length} dispatches\n`;
  return `${[title, ...shaders.map((s) => s.code)].join('\n')}\n${launches.join('')}`;
};

/** The shader of each kernel alone, by the kernel's name in the program. */
export const kernelTexts = (program: Program, caps: Caps): ReadonlyMap<string, string> => {
  const features = { ...GUARANTEED_FEATURES, subgroups: caps.subgroup > 1 };
  const { shaders, steps } = renderProgram(program, { features, names: ownNames });
  return new Map(
    steps.map(({ shader }, i) => [
      program.kernels[program.steps[i]!.kernel]!.name,
      shaders[shader]!.code,
    ]),
  );
};
