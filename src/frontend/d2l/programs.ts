/**
 * What the compiler made of a function, as a record that a page can show.
 *
 * Invariant: the very programs that ran last; plain data.
 */
import { codeOf } from '../../explain/code.ts';
import { dotToSvg, graphDot } from '../../explain/dot.ts';
import { reportOf } from '../../explain/report.ts';
import type { Profile, ProfileRow } from '../../runtime/profile.ts';
import { type Explanation, explain } from '../explain.ts';
import type { ExplainedProgram } from '../explained.ts';
import type { CachedFunction } from '../hybridize.ts';
import type { NDArray } from '../ndarray.ts';
import { checkFunction, checkOptions, checkSwitch } from '../options.ts';
import { mapArrays } from '../signature.ts';
import type { LaunchTime, Programs, ProgramView } from './displayable.ts';
import { drop, spreadOf } from './timing.ts';

export interface ProgramsOptions {
  /** Default: the name of the function, or the class of the block. */
  readonly name?: string | undefined;
  /** Also a picture of each graph; needs the package @hpcc-js/wasm-graphviz. Default false. */
  readonly svg?: boolean | undefined;
  /** Calls the function once: it is run some times more, and each launch is timed. Default: nothing is timed. */
  readonly run?: (() => unknown) | undefined;
}

const LANGUAGES = { wasm: 'wat', wgsl: 'wgsl', cuda: 'cuda' } as const;

/** Runs of which the median is taken. */
const RUNS = 5;

interface Profiled {
  profile?(body: () => unknown): Promise<Profile>;
}

/** Rows of some runs, after one that is not measured; none where the result is no array. */
const profilesOf = async (run: () => unknown): Promise<readonly (readonly ProfileRow[])[]> => {
  const results: NDArray[] = [];
  mapArrays(run(), (x) => results.push(x));
  const device = results[0]?.device as Profiled | undefined;
  drop(results);
  const all: (readonly ProfileRow[])[] = [];
  for (let i = 0; i < RUNS && device?.profile !== undefined; i++)
    all.push((await device.profile(() => drop(run()))).rows);
  return all;
};

/** The median of each launch of a program. */
const timingOf = (
  name: string,
  profiles: readonly (readonly ProfileRow[])[],
): readonly LaunchTime[] => {
  const runs = profiles.map((rows) => rows.filter(({ program }) => program === name));
  return (runs[0] ?? []).map(({ kernel }, i) => {
    const times = runs.flatMap((rows) => rows[i]?.nanoseconds ?? []);
    return { kernel, nanoseconds: spreadOf(times).median };
  });
};

const viewOf = async (
  { part, program, compiled }: ExplainedProgram,
  isDrawn: boolean,
  profiles: readonly (readonly ProfileRow[])[],
): Promise<ProgramView> => {
  const timing = timingOf(program.name, profiles);
  const dot = graphDot(compiled.stages.findLast((s) => s.level === 'graph')!.graph);
  return {
    part,
    report: reportOf(compiled),
    dot,
    ...(isDrawn ? { svg: await dotToSvg(dot) } : {}),
    code: Object.fromEntries(codeOf(program, compiled.caps)),
    launches: program.steps.map(({ kernel }) => program.kernels[kernel]!.name),
    ...(timing.length === 0 ? {} : { timing }),
  };
};

/**
 * The programs of a hybridized function or block, which has been called: passes, kernels with their code (WebAssembly text,
 * WGSL or CUDA), memory plan, launches: a record to `display`. Shapes and dtypes are those of the last call. With `run`,
 * each launch is timed, too.
 *
 * @throws {ValueError} for what is not hybridized, or was not called yet, and a `run` that is no function (as a rejected
 *   promise)
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
  checkOptions('programs', options, ['name', 'svg', 'run']);
  checkSwitch('programs', 'svg', options.svg);
  if (options.run !== undefined)
    checkFunction('programs: run', options.run, 'write { run: () => f(x) }');
  const profiles = options.run === undefined ? [] : await profilesOf(options.run);
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
      explanation.programs.map((program) => viewOf(program, options.svg ?? false, profiles)),
    ),
  };
};
