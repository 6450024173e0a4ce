/**
 * Classes of the framework keep their names in the bundle: a net prints them, and so do errors and explanations.
 *
 * Invariant: lines stay where they are; functions are left alone, for those made at each call would take longer.
 */
import type { Plugin } from 'vite';
import { ROOT } from './aliases.ts';

/** A class at the top of a file, up to where its body begins. */
const CLASS = /^(?:export )?(?:abstract )?class (\w+)\b[\s\S]*?\{(?=\n|\}$)/gm;

export const namesPlugin = (): Plugin => ({
  name: 'class-names',
  enforce: 'pre',
  transform(code, id) {
    if (!id.startsWith(`${ROOT}src/`) || !/^(?:export )?(?:abstract )?class /m.test(code))
      return null;
    const named = code.replace(
      CLASS,
      (head, name) =>
        `${head} static { Object.defineProperty(this, 'name', { value: '${name}', configurable: true }); }`,
    );
    return { code: named, map: null };
  },
});
