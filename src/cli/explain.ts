/**
 * `tigon explain`: what the compiler does with a graph.
 *
 * Invariant: prints what `net.explain()` shows; the same report feeds both.
 */
import { writeFile } from 'node:fs/promises';
import { codeOf } from '../explain/code.ts';
import { dotToSvg, graphDot } from '../explain/dot.ts';
import { reportOf } from '../explain/report.ts';
import { reportText } from '../explain/text.ts';
import { cpu } from '../runtime/cpu/device.ts';
import { compileFile } from './read.ts';

export interface ExplainFlags {
  readonly all?: boolean | undefined;
  readonly loop?: boolean | undefined;
  readonly thread?: boolean | undefined;
  readonly wat?: boolean | undefined;
  readonly json?: boolean | undefined;
  readonly dot?: boolean | undefined;
  readonly svg?: string | undefined;
}

export const explainCommand = async (file: string, flags: ExplainFlags): Promise<number> => {
  const { caps } = cpu();
  const compiled = await compileFile(file, caps);
  const graph = compiled.stages.findLast((s) => s.level === 'graph')!.graph;
  if (flags.dot) {
    process.stdout.write(graphDot(graph));
    return 0;
  }
  if (flags.svg !== undefined) {
    await writeFile(flags.svg, await dotToSvg(graphDot(graph)));
    console.error(`wrote ${flags.svg}`);
    return 0;
  }
  const report = reportOf(compiled);
  if (flags.json) {
    console.log(JSON.stringify(report, undefined, 1));
    return 0;
  }
  const target = flags.wat ? codeOf(compiled.program, caps) : undefined;
  process.stdout.write(
    reportText(report, {
      allStages: flags.all ?? false,
      loop: flags.loop ?? false,
      thread: flags.thread ?? false,
      ...(target === undefined ? {} : { target }),
    }),
  );
  return 0;
};
