#!/usr/bin/env node
/**
 * The `tigon` command: look at devices, and at what the compiler makes of a program in the `.tg` text format.
 *
 * Invariant: results go to standard output, everything else to standard error; exit code 1 when something was wrong.
 */
import { parseArgs } from 'node:util';
import { TigonError } from '../ir/errors.ts';
import { compileCommand } from './compile.ts';
import { devicesCommand } from './devices.ts';
import { explainCommand } from './explain.ts';

const HELP = `tigon <command>

  devices [--json]                     what can run programs here, and what it can do
  explain FILE.tg [options]            how a graph is optimized, fused, scheduled and placed
      --all                            every graph along the way
      --loop --thread --wat            each kernel's Loop IR, Thread IR, WebAssembly text
      --json                           the same as data
      --dot | --svg FILE               the final graph as a picture (DOT text, or laid out as SVG)
  compile FILE.tg --target wasm|wgsl|cuda
                                       the code for a graph or program; wasm if not said
      --output FILE                    write it instead of printing: the binary module, or text
      --level graph|loop|thread|program   print that level's text instead

FILE may be - for standard input.`;

const main = async (argv: readonly string[]): Promise<number> => {
  const [command, ...rest] = argv;
  switch (command) {
    case 'devices':
      return devicesCommand(options(rest, { json: { type: 'boolean' } }).values);
    case 'explain': {
      const { values, positionals } = options(rest, {
        all: { type: 'boolean' },
        loop: { type: 'boolean' },
        thread: { type: 'boolean' },
        wat: { type: 'boolean' },
        json: { type: 'boolean' },
        dot: { type: 'boolean' },
        svg: { type: 'string' },
      });
      return explainCommand(fileOf(positionals, 'explain'), values);
    }
    case 'compile': {
      const { values, positionals } = options(rest, {
        target: { type: 'string' },
        output: { type: 'string' },
        level: { type: 'string' },
      });
      return compileCommand(fileOf(positionals, 'compile'), values);
    }
    case undefined:
    case 'help':
    case '--help':
    case '-h':
      console.log(HELP);
      return 0;
    default:
      throw new TigonError('option', `there is no command ${command}`, 'tigon --help lists them');
  }
};

type Options = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>['options']>;

const options = <O extends Options>(
  args: string[],
  known: O,
): ReturnType<typeof parseArgs<{ options: O; allowPositionals: true; args: string[] }>> => {
  try {
    return parseArgs({ args, options: known, allowPositionals: true });
  } catch (error) {
    throw new TigonError('option', (error as Error).message, 'tigon --help lists the options');
  }
};

const fileOf = (positionals: readonly string[], command: string): string => {
  if (positionals.length === 1) return positionals[0]!;
  throw new TigonError(
    'option',
    `tigon ${command} takes one file, not ${positionals.length}`,
    `tigon ${command} model.tg, or - for standard input`,
  );
};

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof TigonError)) throw error;
  console.error(`${error.name}: ${error.message}`);
  process.exitCode = 1;
}
