/**
 * Which of two programs a plan runs: the one that keeps what it makes of weights, or, where weights change from call to
 * call, one that keeps nothing.
 *
 * Invariant: both compute the same up to rounding; who changes weights all the time pays for a second compilation, and
 * now and then for a trial, not at each call.
 */
import { type Callable, type Loaded, run } from './callable.ts';
import type { NDArray, Operand } from './ndarray.ts';

/** Calls in a row that find other weights, before nothing is kept. */
const PATIENCE = 32;
/** Calls of the program that keeps nothing, before the other is tried again. */
const REST = 256;

/** A callable whose programs keep nothing. */
const keepingNothing = (callable: Callable): Callable => ({
  ...callable,
  loaded: new Map(),
  recipe: { ...callable.recipe, held: [] },
});

/** Chooses for the program of `callable`. */
export const steady = (
  keeping: Loaded,
  callable: Callable,
  load: (callable: Callable) => Loaded,
): Steady => new Steady(keeping, () => load(keepingNothing(callable)));

export class Steady {
  readonly #keeping: Loaded;
  readonly #load: () => Loaded;
  #plain: Loaded | undefined;
  #changes = 0;
  #rest = 0;

  /** `load`: gives a program that keeps nothing. */
  constructor(keeping: Loaded, load: () => Loaded) {
    this.#keeping = keeping;
    this.#load = load;
  }

  run(operands: readonly Operand[]): NDArray[] {
    if (this.#rest > 0) {
      this.#rest--;
      this.#plain ??= this.#load();
      return run(this.#plain, operands);
    }
    const { executable } = this.#keeping;
    const { fills } = executable;
    const outputs = run(this.#keeping, operands);
    this.#changes = executable.fills === fills ? 0 : this.#changes + 1;
    if (this.#changes >= PATIENCE) {
      this.#rest = REST;
      // a trial takes two calls: one fills, the other finds it
      this.#changes = PATIENCE - 2;
    }
    return outputs;
  }

  dispose(): void {
    this.#plain?.executable.dispose();
  }
}
