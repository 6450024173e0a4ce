/**
 * Lets Node run TypeScript from source: `node --import ./test/source/register.mjs FILE.ts`.
 *
 * Invariant: what runs has the lines and columns of its source, so that no source map is needed, and stacks are cheap.
 */
import { register } from 'node:module';

register('./hooks.mjs', import.meta.url);
