/** Docstring examples of families of `nd` functions run, and give what their comments say. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isNDArray } from '../../src/frontend/ndarray.ts';
import { assertAllClose } from '../../src/frontend/testing.ts';

const source = fileURLToPath(new URL('../../src/', import.meta.url));
const FILES = ['counting', 'cumulative', 'positions', 'quantile', 'sets', 'sorting'];

/** The code of each example, on the line of its tag or below it. */
const examplesIn = (text: string): string[] =>
  [...text.matchAll(/ \* @example(?: (.*) \*\/$|( .*)?\n((?: \* .*\n)+?) \*\/$)/gm)].map((m) =>
    (m[1] ?? `${m[2] ?? ''}\n${m[3]!.replace(/^ \* /gm, '')}`).trim(),
  );

/** `value;   // [1, 2]` becomes a check. */
const checked = (code: string): string =>
  code.replace(
    /^(.*);\s+\/\/ (\[.*\]|-?[\d.e-]+|true|false)$/gm,
    (_, value: string, wanted: string) => `await check(${value}, ${wanted});`,
  );

let checks = 0;
const check = async (value: unknown, wanted: never): Promise<void> => {
  checks++;
  const got = await value;
  if (isNDArray(got)) await assertAllClose(got, wanted, { atol: 5e-5, rtol: 1e-4 });
  else assert.equal(got, wanted);
};

type Example = (check: (value: unknown, wanted: never) => Promise<void>) => Promise<void>;

for (const name of FILES)
  test(`the examples of ${name}.ts`, async () => {
    const file = join(source, `frontend/nd/${name}.ts`);
    const examples = examplesIn(readFileSync(file, 'utf8'));
    const before = checks;
    const folder = mkdtempSync(join(tmpdir(), 'tigon-nd-examples-'));
    try {
      const index = JSON.stringify(pathToFileURL(join(source, 'index.ts')).href);
      const body = examples.map((code) => `  {\n${checked(code)}\n  }`).join('\n');
      const path = join(folder, 'examples.mts');
      writeFileSync(
        path,
        `import { nd } from ${index};\nexport default async (check) => {\n${body}\n};\n`,
      );
      const { default: run } = (await import(pathToFileURL(path).href)) as { default: Example };
      await run(check);
      assert.ok(checks - before >= examples.length, `${examples.length} examples, all checked`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

test.run();
