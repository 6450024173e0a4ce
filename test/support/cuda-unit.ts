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
  /** Texts of kernels, and what they came from. */
  readonly #kernels = new Map<string, string>();
  readonly #beside: CudaUnit | undefined;

  /** What `beside` holds is left to it. */
  constructor(beside?: CudaUnit) {
    this.#beside = beside;
  }

  /** Adds the kernels of a program; `parts` are what another unit made of it. */
  add(
    program: Program,
    parts: ProgramParts = renderParts(program, { names: 'plain' }),
  ): ProgramParts {
    for (const text of parts.library.device) this.#device.add(text);
    for (const text of parts.library.plain) this.#plain.add(text);
    for (const { kernel, step } of parts.steps) {
      const text = parts.texts[kernel]!.replace(`, ${parts.kernels[kernel]!.name})(`, ', NAME)(');
      const { name, notes } = program.kernels[program.steps[step]!.kernel]!;
      if (!this.#holds(text)) this.#kernels.set(text, `${name}: ${notes.join('; ')}`);
    }
    return parts;
  }

  #holds(text: string): boolean {
    const beside = this.#beside;
    return this.#kernels.has(text) || (beside === undefined ? false : beside.#holds(text));
  }

  get size(): number {
    return this.#kernels.size;
  }

  /** What a kernel of the text came from. */
  origin(name: string): string {
    return [...this.#kernels.values()][Number(name.slice(name.lastIndexOf('_') + 1))]!;
  }

  /** The text of all of it. */
  get source(): string {
    const kernels = [...this.#kernels.keys()].map((text, i) =>
      text.replace(', NAME)(', `, kernel_${i})(`),
    );
    return unitText({ device: [...this.#device], plain: [...this.#plain] }, kernels);
  }
}
