/**
 * `explain`: what the compiler made of a hybridized block or function: text, data, DOT and SVG.
 *
 * Invariant: shows the very programs that run; it compiles nothing for show.
 */
import { codeOf } from '../explain/code.ts';
import { dotToSvg, graphDot } from '../explain/dot.ts';
import { type Report, reportOf } from '../explain/report.ts';
import { reportText, type TextOptions } from '../explain/text.ts';
import { failure } from './callsite.ts';
import { type ExplainedProgram, explainWith, programsOfCached } from './explained.ts';
import type { CachedFunction } from './hybridize.ts';
import { checkOptions, shown } from './options.ts';

export interface ExplainOptions {
  /** Every graph along the way. */
  readonly allStages?: boolean;
  /** Each kernel's Loop IR, Thread IR, or code: WebAssembly text or WGSL. */
  readonly loop?: boolean;
  readonly thread?: boolean;
  readonly code?: boolean;
}

/**
 * What {@link explain} returns: print it, or ask for a part.
 *
 * @throws nothing
 *
 * @example
 * const f = hybridize((x: nd.NDArray) => x.exp().sum());
 * f(nd.ones([4]));
 * const explained = explain(f);
 * console.log(explained.text(), explained.dot(), explained.reports.length);
 * JSON.stringify(explained) === JSON.stringify(explained.toJSON());   // true
 * String(explained) === explained.toString();   // true
 */
export class Explanation {
  readonly programs: readonly ExplainedProgram[];
  /** Why a block is not one program, if so. */
  readonly split: string | undefined;

  constructor(programs: readonly ExplainedProgram[], split: string | undefined) {
    this.programs = programs;
    this.split = split;
  }

  /** As data, one for each program: stages, kernels with bytes and operations, refusals, memory plan. */
  get reports(): readonly Report[] {
    return this.programs.map((p) => reportOf(p.compiled));
  }

  /**
   * As text for a terminal.
   *
   * @throws {OptionError} for unknown options
   */
  text(options: ExplainOptions = {}): string {
    checkOptions('explain', options, ['allStages', 'loop', 'thread', 'code']);
    const { code, ...rest } = options;
    const parts = this.programs.map(({ part, compiled, program }) => {
      const target = code ? codeOf(program, compiled.caps) : undefined;
      const text: TextOptions = { ...rest, ...(target === undefined ? {} : { target }) };
      const title = this.programs.length > 1 ? `=== ${part} ===\n` : '';
      return `${title}${reportText(reportOf(compiled), text)}`;
    });
    const split = this.split === undefined ? [] : [`not one program: ${this.split}\n`];
    return [...split, ...parts].join('\n');
  }

  /**
   * The optimized graph of each program in the DOT language.
   *
   * @throws nothing
   */
  dot(): string[] {
    return this.programs.map(({ compiled }) =>
      graphDot(compiled.stages.findLast((s) => s.level === 'graph')!.graph),
    );
  }

  /**
   * The optimized graph of each program as SVG; needs the package @hpcc-js/wasm-graphviz.
   *
   * @throws {OptionError} without the package
   *
   * @example
   * const f = hybridize((x: nd.NDArray) => x.exp());
   * f(nd.ones([4]));
   * (await explain(f).svg())[0]!.includes('<svg');   // true
   */
  async svg(): Promise<string[]> {
    return Promise.all(this.dot().map(dotToSvg));
  }

  /**
   * The same as `text()`.
   *
   * @throws nothing
   */
  toString(): string {
    return this.text();
  }

  /**
   * The same as `reports`, for `JSON.stringify`.
   *
   * @throws nothing
   */
  toJSON(): readonly Report[] {
    return this.reports;
  }
}
// What console.log prints in Node.
Object.defineProperty(Explanation.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: Explanation): string {
    return this.text();
  },
});

explainWith((programs, split) => new Explanation(programs, split));

/**
 * Explains a hybridized function or block. (`net.explain()` is the same, in programs that a bundler leaves whole.)
 *
 * @throws {ValueError} for what is not hybridized, or was not called yet: nothing is compiled before
 *
 * @example
 * const f = hybridize((x: nd.NDArray) => x.exp().sum());
 * f(nd.ones([4]));
 * console.log(explain(f).text());
 */
export const explain = (
  made: { readonly cached: CachedFunction } | { explain(): Explanation },
): Explanation => {
  const given: unknown = made;
  if (typeof given !== 'function' || !('cached' in given || 'explain' in given))
    throw failure(
      'value',
      `explain: ${shown(given)} is not hybridized`,
      'pass what hybridize(f) gives, or a HybridBlock',
    );
  if (!('cached' in made)) return made.explain();
  const programs = programsOfCached(made.cached);
  if (programs.length === 0)
    throw failure(
      'value',
      `explain: ${made.cached.name} has no compiled program yet`,
      'call it once with the arguments you want explained',
    );
  return new Explanation(programs, undefined);
};
