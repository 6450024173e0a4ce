/**
 * What there is to explain, apart from how it is shown: reports and printers come with `explain`, so a bundle whose
 * program never asks for them does not carry them.
 *
 * Invariant: where nothing is bundled, `import 'tigon'` loads them.
 */
import type { Program } from '../ir/program.ts';
import type { Compiled } from '../passes/pipeline.ts';
import type { Callable } from './callable.ts';
import { failure } from './callsite.ts';
import type { Explanation } from './explain.ts';
import type { CachedFunction } from './hybridize.ts';

/** One compiled program of a block or function. */
export interface ExplainedProgram {
  /** `forward`, `backward`, or `program` where there is only one. */
  readonly part: string;
  readonly program: Program;
  readonly compiled: Compiled;
}

const programsOf = (callable: Callable, part: string): ExplainedProgram[] => {
  const own = [...callable.loaded.values()].map(({ compiled }) => ({
    part,
    program: compiled.program,
    compiled,
  }));
  // One backward may serve several combinations of wanted and given gradients.
  const backwards = new Set([...callable.backwards.values()].map((b) => b.callable));
  const backward = [...backwards].flatMap((c) =>
    c === undefined ? [] : programsOf(c, 'backward'),
  );
  return [...own, ...backward];
};

/** The programs of the plan that was used last. */
export const programsOfCached = (cached: CachedFunction): ExplainedProgram[] => {
  const plan = cached.plans.at(-1);
  if (plan === undefined) return [];
  const programs = programsOf(plan.callable, 'forward');
  return programs.length === 1 ? [{ ...programs[0]!, part: 'program' }] : programs;
};

type Explainer = (programs: readonly ExplainedProgram[], split: string | undefined) => Explanation;

let explainer: Explainer | undefined;

/** Makes blocks explain themselves: called once, by the module that can. */
export const explainWith = (made: Explainer): void => {
  explainer = made;
};

/** The explanation of these programs. `split`: why a block is not one program, if so. */
export const explanationOf: Explainer = (programs, split) => {
  if (explainer === undefined)
    throw failure(
      'option',
      'explain: this bundle has no reports in it, as nothing imports them',
      "import { explain } from 'tigon', and write explain(net)",
    );
  return explainer(programs, split);
};
