/** Which Tigon this is: what it compiles depends on all of it. */
declare const TIGON_BUILD: string | undefined;

/** A hash of all sources, put in when they are bundled; undefined where the sources run as they are. */
export const build: string | undefined =
  typeof TIGON_BUILD === 'undefined' ? undefined : TIGON_BUILD;
