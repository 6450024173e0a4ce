/**
 * `tigon compile`: the code for a graph or a program, or its text at a lower level.
 *
 * Invariant: needs no device: capabilities are those of the target.
 */
import { writeFile } from 'node:fs/promises';
import type { Caps } from '../codegen/caps.ts';
import { defaultCudaCaps } from '../codegen/cuda/caps.ts';
import { programListing as cudaListing } from '../codegen/cuda/listing.ts';
import { wasmCaps } from '../codegen/wasm/caps.ts';
import { renderProgram } from '../codegen/wasm/program.ts';
import { programText } from '../codegen/wasm/wat.ts';
import { defaultWgslCaps, GUARANTEED_FEATURES } from '../codegen/wgsl/caps.ts';
import { programListing } from '../codegen/wgsl/listing.ts';
import { TigonError } from '../ir/errors.ts';
import { printGraph } from '../ir/graph/print.ts';
import { printLoop } from '../ir/loop/print.ts';
import { printProgram } from '../ir/program/print.ts';
import type { Program } from '../ir/program.ts';
import { printThread } from '../ir/thread/print.ts';
import type { Compiled } from '../passes/pipeline.ts';
import { programOf } from './read.ts';

/** What a target takes and gives. */
interface Target {
  readonly caps: Caps;
  text(program: Program): string;
  /** What `--output` writes. */
  file(program: Program): string | Uint8Array;
}

const TARGETS: Readonly<Record<'wasm' | 'wgsl' | 'cuda', Target>> = {
  wasm: {
    caps: wasmCaps(true),
    text: (program) => programText(program, wasmCaps(true)),
    file: (program) =>
      renderProgram(program, wasmCaps(true), { shared: true, maximumPages: 65536, threads: 2 })
        .bytes,
  },
  wgsl: {
    caps: defaultWgslCaps,
    text: (program) => programListing(program, GUARANTEED_FEATURES),
    file: (program) => programListing(program, GUARANTEED_FEATURES),
  },
  cuda: { caps: defaultCudaCaps, text: cudaListing, file: cudaListing },
};
const isTarget = (name: string): name is keyof typeof TARGETS => Object.hasOwn(TARGETS, name);

const LEVELS = ['graph', 'loop', 'thread', 'program'] as const;
type Level = (typeof LEVELS)[number];

export interface CompileFlags {
  readonly target?: string | undefined;
  readonly output?: string | undefined;
  readonly level?: string | undefined;
}

export const compileCommand = async (file: string, flags: CompileFlags): Promise<number> => {
  const name = flags.target ?? 'wasm';
  if (!isTarget(name))
    throw new TigonError(
      'option',
      `there is no target ${name}`,
      `targets: ${Object.keys(TARGETS).join(', ')}`,
    );
  const target = TARGETS[name];
  const { program, compiled } = await programOf(file, target.caps);
  if (flags.level !== undefined) {
    process.stdout.write(levelText(flags.level, compiled) ?? printProgram(program));
    return 0;
  }
  if (flags.output === undefined) {
    process.stdout.write(target.text(program));
    return 0;
  }
  const content = Buffer.from(target.file(program));
  await writeFile(flags.output, content);
  console.error(`wrote ${content.length} bytes to ${flags.output}`);
  return 0;
};

const levelText = (name: string, compiled: Compiled | undefined): string | undefined => {
  if (!(LEVELS as readonly string[]).includes(name))
    throw new TigonError('option', `there is no level ${name}`, `levels: ${LEVELS.join(', ')}`);
  const level = name as Level;
  if (level === 'program') return undefined;
  if (compiled === undefined)
    throw new TigonError('option', `a program has no ${level} text`, 'compile the graph instead');
  const stage = compiled.stages.findLast((s) => s.level === level)!;
  switch (stage.level) {
    case 'graph':
      return printGraph(stage.graph);
    case 'loop':
      return stage.kernels.map(printLoop).join('\n');
    case 'thread':
      return stage.kernels.map((k) => printThread(k)).join('\n');
    case 'program':
      return undefined;
    default:
      return stage satisfies never;
  }
};
