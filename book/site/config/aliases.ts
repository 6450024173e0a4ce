/**
 * How the site's bundler finds `tigon/nn` and the like: by the package's own `exports`, in their sources.
 *
 * Invariant: knows no subpath by name, so a new one is there at once.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The project's folder. */
export const ROOT: string = fileURLToPath(new URL('../../../', import.meta.url));

interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, string | { readonly 'tigon-source': string }>>;
}

export const manifest: Manifest = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));

/** What a cell can import: `tigon`, `tigon/nn`, ..., each with its source file. */
export const modules: ReadonlyMap<string, string> = new Map(
  Object.entries(manifest.exports).flatMap(([key, target]) =>
    typeof target === 'string'
      ? []
      : [[`tigon${key.slice(1)}`, ROOT + target['tigon-source'].slice(2)] as const],
  ),
);

/** Exact names, longest first. */
export const aliases = (): { find: RegExp; replacement: string }[] =>
  [...modules]
    .sort(([a], [b]) => b.length - a.length)
    .map(([name, file]) => ({ find: new RegExp(`^${name}$`), replacement: file }));
