/**
 * What the compiler made of a function, as a record that a page can show.
 *
 * Invariant: the very programs that ran last; plain data.
 */
import { codeOf } from '../../explain/code.ts';
import { dotToSvg, graphDot } from '../../explain/dot.ts';
import { reportOf } from '../../explain/report.ts';
import { type Explanation, explain } from '../explain.ts';
import type { ExplainedProgram } from '../explained.ts';
import type { CachedFunction } from '../hybridize.ts';
import { checkOptions, checkSwitch } from '../options.ts';
import type { Programs, ProgramView } from './displayable.ts';

export interface ProgramsOptions {
  /** Default: the name of the function, or the class of the block. */
  readonly name?: string | undefined;
  /** Also a picture of each graph; needs the package @hpcc-js/wasm-graphviz. Default false. */
  readonly svg?: boolean | undefined;
}

const LANGUAGES = { wasm: 'wat', wgsl: 'wgsl', cuda: 'cuda' } as const;

const viewOf = async (
  { part, program, compiled }: ExplainedProgram,
  isDrawn: boolean,
): Promise<ProgramView> => {
  const dot = graphDot(compiled.stages.findLast((s) => s.level === 'graph')!.graph);
  return {
    part,
    report: reportOf(compiled),
    dot,
    ...(isDrawn ? { svg: await dotToSvg(dot) } : {}),
    code: Object.fromEntries(codeOf(program, compiled.caps)),
    launches: program.steps.map(({ kernel }) => program.kernels[kernel]!.name),
  };
};

/**
 * The programs of a hybridized function or block, which has been called: passes, kernels with their code (WebAssembly text,
 * WGSL or CUDA), memory plan, launches: a record to `display`. Shapes and dtypes are those of the last call.
 *
 * @throws {ValueError} for what is not hybridized, or was not called yet (as a rejected promise)
 * @throws {OptionError} for unknown options, and with `svg` without the package that draws
 *
 * @example
 * const f = hybridize((x: nd.NDArray) => x.exp().sum());
 * f(nd.ones([4]));
 * const item = await programs(f);
 * item.programs[0]!.launches.length;   // 1
 */
export const programs = async (
  made: { readonly cached: CachedFunction } | { explain(): Explanation },
  options: ProgramsOptions = {},
): Promise<Programs> => {
  checkOptions('programs', options, ['name', 'svg']);
  checkSwitch('programs', 'svg', options.svg);
  const explanation = explain(made);
  const name =
    options.name ?? ('cached' in made ? made.cached.name : (made.constructor.name as string));
  const { split } = explanation;
  return {
    kind: 'programs',
    name,
    language: LANGUAGES[explanation.programs[0]!.compiled.caps.target],
    ...(split === undefined ? {} : { split }),
    programs: await Promise.all(
      explanation.programs.map((program) => viewOf(program, options.svg ?? false)),
    ),
  };
};
