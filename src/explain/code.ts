/**
 * A program's kernels in the language of its target, for people.
 *
 * Invariant: what a device is given, but for the names of variables; of WebGPU's optional parts those that the caps
 * show.
 */
import type { Caps } from '../codegen/caps.ts';
import { kernelTexts } from '../codegen/cuda/listing.ts';
import { kernelText } from '../codegen/wasm/wat.ts';
import { GUARANTEED_FEATURES } from '../codegen/wgsl/caps.ts';
import { ownNames } from '../codegen/wgsl/names.ts';
import { renderProgram } from '../codegen/wgsl/program.ts';
import type { Program } from '../ir/program.ts';

/** The text of each kernel, by name. */
export const codeOf = (program: Program, caps: Caps): ReadonlyMap<string, string> => {
  switch (caps.target) {
    case 'wasm':
      return new Map(program.kernels.map((k) => [k.name, kernelText(k, caps)]));
    case 'wgsl': {
      const features = { ...GUARANTEED_FEATURES, subgroups: caps.subgroup > 1 };
      const { shaders, steps } = renderProgram(program, { features, names: ownNames });
      return new Map(
        steps.map(({ shader }, i) => [
          program.kernels[program.steps[i]!.kernel]!.name,
          shaders[shader]!.code,
        ]),
      );
    }
    case 'cuda':
      return kernelTexts(program);
    default:
      return caps.target satisfies never;
  }
};
