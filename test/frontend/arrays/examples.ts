/**
 * Docstring examples that run, and give what their comments say.
 *
 * Invariant: every example of a file runs, those that end in a comment with a value are checked against it.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isNDArray } from '../../../src/frontend/ndarray.ts';
import { assertAllClose } from '../../../src/frontend/testing.ts';

export const source: string = fileURLToPath(new URL('../../../src/', import.meta.url));

const examplesIn = (text: string): string[] =>
  [...text.matchAll(/ \* @example\n((?: \* .*\n)+?) \*\//g)].map((m) =>
    m[1]!.replace(/^ \* /gm, ''),
  );

/** `value;   // [1, 2]` becomes a check. */
const checked = (code: string): string =>
  code.replace(
    /^(?:const (\w+) = )?(.*);\s+\/\/ (\[.*\]|-?[\d.]+|true|false)$/gm,
    (_, name: string | undefined, value: string, wanted: string) =>
      name === undefined
        ? `await check(${value}, ${wanted});`
        : `const ${name} = ${value}; await check(${name}, ${wanted});`,
  );

type Check = (value: unknown, wanted: never) => Promise<void>;
const check: Check = async (value, wanted) => {
  const got = await value;
  if (isNDArray(got)) await assertAllClose(got, wanted, { atol: 5e-5 });
  else if (ArrayBuffer.isView(got)) await assertAllClose(Array.from(got as Float32Array), wanted);
  else assert.equal(got, wanted);
};

/** One test for the examples of each file (paths within `src`); `preamble` imports what they name beside `nd`. */
export const testExamples = (files: readonly string[], preamble = ''): void => {
  for (const file of files) {
    const examples = examplesIn(readFileSync(join(source, file), 'utf8'));
    if (examples.length === 0) continue;
    test(`the ${examples.length} examples in ${file}`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'tigon-examples-'));
      try {
        const bodies = examples.map((e) => `async (check) => {\n${checked(e)}\n}`);
        const main = JSON.stringify(pathToFileURL(join(source, 'index.ts')).href);
        writeFileSync(
          join(folder, 'examples.mts'),
          `import { autograd, nd } from ${main};\n${preamble}\nexport const examples = [${bodies.join(',\n')}];\n`,
        );
        const made = (await import(pathToFileURL(join(folder, 'examples.mts')).href)) as {
          readonly examples: readonly ((check: Check) => Promise<void>)[];
        };
        for (const example of made.examples) await example(check);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
};
