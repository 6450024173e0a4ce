import { existsSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const src = fileURLToPath(new URL('../src', import.meta.url));

/** Files and packages that importing `entry` loads, with the file that asked. Type-only and dynamic imports load nothing. */
const loadedBy = (entry: string): ReadonlyMap<string, string> => {
  const loaded = new Map<string, string>();
  const visit = (file: string, from: string): void => {
    const name = relative(src, file);
    if (loaded.has(name)) return;
    loaded.set(name, from);
    const text = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
    for (const [, clause, target] of text.matchAll(
      /^(?:import|export)\s+([^;'"]*?from\s+)?'([^']+)'/gm,
    )) {
      if (/^(type\s|\{\s*(type\s+\w+( as \w+)?,?\s*)+\}\s*from)/.test(clause ?? '')) continue;
      if (target!.startsWith('.')) visit(resolve(dirname(file), target!), name);
      else if (!loaded.has(target!)) loaded.set(target!, name);
    }
  };
  visit(`${src}/${entry}`, 'the test');
  return loaded;
};

test('the entry of every subpath exists', () => {
  const { exports } = JSON.parse(readFileSync(`${src}/../package.json`, 'utf8')) as {
    exports: Record<string, string | Record<string, string>>;
  };
  for (const [name, target] of Object.entries(exports)) {
    const source = typeof target === 'string' ? target : target['tigon-source']!;
    assert.ok(existsSync(`${src}/../${source}`), `${name}: ${source}`);
  }
});

test("import 'tigon' does not load the text parser", () => {
  const loaded = loadedBy('index.ts');
  assert.ok(loaded.size > 40, `only ${loaded.size} files were followed`);
  assert.not.ok(loaded.has('chevrotain'), `chevrotain is imported by ${loaded.get('chevrotain')}`);
});

test("import 'tigon' uses no package but Node's own modules and the platform", () => {
  const packages = [...loadedBy('index.ts').keys()].filter((name) => !name.endsWith('.ts'));
  for (const name of packages)
    assert.match(name, /^(node:|#(kept|platform|several|tuner|verify)$)/);
});

test("import 'tigon/web' loads no device", () => {
  const devices = [...loadedBy('web.ts').keys()].filter((name) => /^runtime\/\w+\//.test(name));
  assert.equal(devices, []);
});

test("'tigon' has the methods that pages on 'tigon/web' ask for", () => {
  const more = 'frontend/more-methods.ts';
  assert.ok(loadedBy('index.ts').has(more));
  assert.not.ok(loadedBy('web.ts').has(more), 'a page would carry what these methods need');
});

test.run();
