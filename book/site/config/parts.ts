/**
 * The table of what cells can import, made for the bundler: each part of the framework becomes files of its own.
 *
 * Invariant: made of the package's exports, so a new subpath is there at once.
 */
import type { Plugin } from 'vite';
import { modules } from './aliases.ts';

const NAME = 'virtual:tigon-modules';

export const partsPlugin = (): Plugin => ({
  name: 'tigon-parts',
  resolveId: (id) => (id === NAME ? `\0${NAME}` : null),
  load(id) {
    if (id !== `\0${NAME}`) return null;
    const rows = [...modules.keys()].map((name) => `'${name}': () => import('${name}')`);
    return `export const parts = {\n${rows.join(',\n')}\n};\n`;
  },
});
