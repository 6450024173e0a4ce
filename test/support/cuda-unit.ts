/**
 * Programs as CUDA C++, many in one translation unit.
 *
 * Invariant: a kernel's text is in the unit once, whoever uses it; kernels of different programs have different names.
 */
import { type ProgramParts, renderParts } from '../../src/codegen/cuda/program.ts';
import { unitText } from '../../src/codegen/cuda/unit.ts';
import type { Program } from '../../src/ir/program.ts';

export class CudaUnit {
  readonly #device = new Set<string>();
  readonly #plain = new Set<string>();
  readonly #kernels = new Set<string>();

  /** Adds the kernels of a program. */
  add(program: Program): ProgramParts {
    const parts = renderParts(program, { names: 'plain' });
    for (const text of parts.library.device) this.#device.add(text);
    for (const text of parts.library.plain) this.#plain.add(text);
    parts.texts.forEach((text, i) => {
      this.#kernels.add(text.replace(`, ${parts.kernels[i]!.name})(`, ', NAME)('));
    });
    return parts;
  }

  get size(): number {
    return this.#kernels.size;
  }

  /** The text of all of it. */
  get source(): string {
    const kernels = [...this.#kernels].map((text, i) =>
      text.replace(', NAME)(', `, kernel_${i})(`),
    );
    return unitText({ device: [...this.#device], plain: [...this.#plain] }, kernels);
  }
}
