/**
 * Checks CUDA C++ without a device: nvcc makes machine code of it, g++ reads it as the emulator does.
 *
 * Invariant: a warning is an error, and so is the loss of speed that the assembler foretells; many kernels are one call, since a call costs half a second.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the assembler says about a kernel. */
export interface Resources {
  readonly registers: number;
  /** Bytes of registers that went to memory and came back. */
  readonly spills: number;
  readonly stack: number;
}

export type Architecture = 'sm_80' | 'sm_90a';

/** What the emulator puts in front of every unit. */
const EMULATED = ['kernel', 'bulk'].flatMap((name) => [
  '-include',
  fileURLToPath(new URL(`../emulator/include/${name}.h`, import.meta.url)),
]);

const found = (program: string): boolean => spawnSync(program, ['--version']).status === 0;

let nvcc: boolean | undefined;
/** Whether nvcc is there. */
export const hasNvcc = (): boolean => {
  nvcc ??= found('nvcc');
  return nvcc;
};

let gcc: boolean | undefined;
/** Whether g++ is there. */
export const hasGcc = (): boolean => {
  gcc ??= found('g++');
  return gcc;
};

const inFolder = <T>(source: string, use: (file: string, folder: string) => T): T => {
  const folder = mkdtempSync(join(tmpdir(), 'tigon-cuda-'));
  try {
    const file = join(folder, 'unit.cu');
    writeFileSync(file, source);
    return use(file, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const run = (command: string, args: readonly string[], source: string): string => {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 400_000,
    maxBuffer: 1 << 27,
  });
  const said = `${stdout}${stderr}`;
  if (status !== 0)
    throw new Error(`${command}: ${said.slice(0, 4000)}\n${numbered(source, said)}`);
  return said;
};

/** The lines around the first one that a compiler names. */
const numbered = (source: string, said: string): string => {
  const line = Number(/unit\.cu[(:](\d+)/.exec(said)?.[1] ?? 1);
  const lines = source.split('\n').map((text, i) => `${String(i + 1).padStart(5)} ${text}`);
  return lines.slice(Math.max(0, line - 12), line + 8).join('\n');
};

/** Compiles a unit for an architecture and gives what its kernels need. */
export const compileCuda = (
  source: string,
  architecture: Architecture,
): ReadonlyMap<string, Resources> => compileFor(source, architecture, [architecture])[0]!;

/** The same for a unit of which some kernels are in another: functions may be there for those alone. */
export const compileRest = (
  source: string,
  architecture: Architecture,
): ReadonlyMap<string, Resources> =>
  compileFor(source, architecture, [architecture], ['-diag-suppress=177'])[0]!;

/**
 * Compiles a unit for sm_80 and assembles what the compiler made of it for both, in this order: most of the time goes
 * to the first.
 */
export const compileForBoth = (source: string): readonly ReadonlyMap<string, Resources>[] =>
  compileFor(source, 'sm_80', ['sm_80', 'sm_90a']);

/** What the kernels of a unit that is compiled for one architecture need on each of the others. */
const compileFor = (
  source: string,
  compiled: Architecture,
  assembled: readonly Architecture[],
  options: readonly string[] = [],
): readonly ReadonlyMap<string, Resources>[] =>
  inFolder(source, (file, folder) => {
    const code = `arch=compute_${compiled.slice(3)},code=[${assembled.join()}]`;
    const flags = [
      '-fatbin',
      '-gencode',
      code,
      '-Werror',
      'all-warnings',
      '-Xptxas',
      '-v',
      ...options,
    ];
    const said = run('nvcc', [...flags, '-o', join(folder, 'unit.fatbin'), file], source);
    const loss = /.*Potential Performance Loss.*/.exec(said);
    if (loss !== null) throw new Error(loss[0]);
    const parts = said.split(/Compiling entry function /).slice(1);
    return assembled.map((architecture) => {
      const own = parts.filter((part) => part.split('\n')[0]!.includes(`for '${architecture}'`));
      return new Map(own.map((part) => [/^'(\w+)'/.exec(part)![1]!, resourcesIn(part)]));
    });
  });

const resourcesIn = (part: string): Resources => {
  const number = (pattern: RegExp): number => Number(pattern.exec(part)![1]);
  return {
    registers: number(/Used (\d+) registers/),
    spills: number(/(\d+) bytes spill stores/) + number(/(\d+) bytes spill loads/),
    stack: number(/(\d+) bytes stack frame/),
  };
};

/** Reads a unit as the emulator's compiler does. */
export const readEmulated = (source: string): void =>
  inFolder(source, (file) => {
    const flags = [
      '-std=c++17',
      '-fsyntax-only',
      '-Wall',
      '-Werror',
      '-Wno-unused-function',
      '-Wno-tautological-compare',
    ];
    run('g++', [...flags, '-nostdinc', '-nostdinc++', ...EMULATED, '-x', 'c++', file], source);
  });
