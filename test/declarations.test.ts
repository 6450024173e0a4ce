/**
 * The package's declarations, as a user's compiler reads them: strict, libraries checked too, for ES2022.
 *
 * Invariant: nothing under `src` is read; the declarations are written into a folder of the test's own.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = join(root, 'node_modules/.bin/tsc');
const manifest = JSON.parse(fs.readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies: Readonly<Record<string, string>>;
};

const compile = (folder: string, ...args: string[]): string => {
  try {
    execFileSync(tsc, ['--singleThreaded', ...args], {
      cwd: folder,
      encoding: 'utf8',
      stdio: 'pipe',
    });
    return '';
  } catch (error) {
    return (error as { readonly stdout: string }).stdout;
  }
};

test('every entry of the package has declarations that a strict program compiles with', () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'tigon-declarations-'));
  try {
    const installed = join(folder, 'node_modules/tigon');
    fs.mkdirSync(installed, { recursive: true });
    fs.copyFileSync(join(root, 'package.json'), join(installed, 'package.json'));
    for (const name of Object.keys(manifest.dependencies))
      fs.symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
    const out = join(installed, 'dist');
    assert.is(compile(root, '-p', 'tsconfig.build.json', '--outDir', out), '');
    const entries = Object.keys(manifest.exports).filter((entry) => entry !== './package.json');
    const imports = entries.map(
      (entry, i) => `import * as m${i} from ${JSON.stringify(entry.replace('.', 'tigon'))};`,
    );
    const uses = entries.map((_, i) => `m${i}`);
    const program = `${imports.join('\n')}\nexport const all: object[] = [${uses}];\n`;
    fs.writeFileSync(join(folder, 'program.mts'), program);
    const options = ['--ignoreConfig', '--noEmit', '--strict', '--types', ''];
    const target = ['--target', 'es2022', '--lib', 'es2022,dom', '--module', 'nodenext'];
    assert.is(compile(folder, ...options, ...target, 'program.mts'), '');
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

test.run();
