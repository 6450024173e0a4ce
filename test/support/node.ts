/**
 * How processes of tests are started: Node, with the sources instead of what is built.
 *
 * Invariant: every process that runs TypeScript is started with these arguments.
 */

/** For Node: `#platform` and the package itself are sources; types are blanked out, functions optimized late. */
export const SOURCE: readonly string[] = [
  '--conditions=tigon-source',
  '--import',
  new URL('../source/patient.mjs', import.meta.url).href,
  '--import',
  new URL('../source/register.mjs', import.meta.url).href,
];
