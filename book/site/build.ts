/**
 * `npm run lessons:build`: the whole site as files that any web server can serve.
 *
 * Invariant: a site that is newer than all it is made of is left as it is.
 */
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vitepress';
import { ROOT } from './config/aliases.ts';

const here = fileURLToPath(new URL('.', import.meta.url));

/** Where the built site is. */
export const SITE: string = join(here, '.vitepress', 'dist');

/** Written last: a build still tidies up beside its pages when these are there. */
const BUILT = join(SITE, '.built');

/** What pages are made of. */
const SOURCES = ['lessons', 'book', 'src', 'package.json', 'package-lock.json'];

/** When anything in a folder changed last, in ms. */
const changedAt = (path: string): number => {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return 0;
  if (!found.isDirectory()) return found.mtimeMs;
  return readdirSync(path).reduce(
    (latest, name) =>
      name === 'dist' || name === 'cache' || name === 'node_modules'
        ? latest
        : Math.max(latest, changedAt(join(path, name))),
    found.mtimeMs,
  );
};

/** Builds the site into {@link SITE} unless it is there already. */
export const buildSite = async ({ always = false } = {}): Promise<void> => {
  const built = statSync(BUILT, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (!always && built > Math.max(...SOURCES.map((name) => changedAt(join(ROOT, name))))) return;
  console.log('building the pages; this takes minutes, and is done once for each change');
  await build(here);
  writeFileSync(BUILT, '');
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildSite({ always: true });
  console.log(`the site is in ${SITE}`);
}
