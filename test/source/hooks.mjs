/**
 * How Node loads a module of TypeScript: its types are blanked out, by what later versions of Node do it with, once for
 * each content. A package of very many modules is one.
 *
 * Invariant: what is kept outlives processes under the hash of what it was made of, and a file of it is there whole or not
 * at all. Modules name each other with their real endings, so nothing is searched for.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { threadId } from 'node:worker_threads';

const modules = new URL('../../node_modules/', import.meta.url);
const KEPT = fileURLToPath(new URL('.cache/tigon/stripped/', modules));

/** What Node has only from version 24 on; such a module loses its lines. */
const USING = /^ *(?:await )?using \w+ = /m;
const HAS_USING = Number(process.versions.node.split('.')[0]) >= 24;

let stripper;
const strip = async (text, path) => {
  stripper ??= (await import('@swc/wasm-typescript')).default;
  try {
    return stripper.transformSync(text, { mode: 'strip-only', filename: path }).code;
  } catch (error) {
    throw new SyntaxError(`${path}:${error.startLine}: ${error.message}\n${error.snippet ?? ''}`);
  }
};

const withoutUsing = async (text) => {
  const { transform } = await import('esbuild');
  return (await transform(text, { loader: 'ts', target: 'es2022' })).code;
};

const made = (text, path) =>
  USING.test(text) && !HAS_USING ? withoutUsing(text) : strip(text, path);

const readIfThere = (path) => {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
};

const keep = (path, source) => {
  mkdirSync(KEPT, { recursive: true });
  const own = `${path}.${process.pid}.${threadId}`;
  writeFileSync(own, source);
  renameSync(own, path);
  return source;
};

/**
 * Programs as text are read with it: its modules, and those they use, take half a second of a processor, one after the other,
 * in each process that does so.
 */
const PACKED = 'chevrotain';

/** Where it is as one module. */
const pack = async () => {
  const text = readFileSync(new URL(`${PACKED}/package.json`, modules));
  const kept = `${KEPT}${PACKED}-${createHash('sha1').update(text).digest('hex')}.mjs`;
  if (!existsSync(kept)) {
    const { build } = await import('esbuild');
    const options = { bundle: true, format: 'esm', platform: 'node', target: 'node20' };
    const absWorkingDir = fileURLToPath(new URL('..', modules));
    const made = await build({ ...options, entryPoints: [PACKED], absWorkingDir, write: false });
    keep(kept, made.outputFiles[0].contents);
  }
  return pathToFileURL(kept).href;
};
let packed;

export const resolve = async (specifier, context, next) => {
  if (specifier.startsWith('.') && specifier.endsWith('.ts'))
    return {
      url: new URL(specifier, context.parentURL).href,
      format: 'module',
      shortCircuit: true,
    };
  if (specifier !== PACKED) return next(specifier, context);
  packed ??= pack();
  return { url: await packed, format: 'module', shortCircuit: true };
};

const MAKER = readFileSync(new URL('@swc/wasm-typescript/package.json', modules));

export const load = async (url, context, next) => {
  if (!url.startsWith('file:') || !/\.m?ts$/.test(url)) return next(url, context);
  const path = fileURLToPath(url);
  const text = readFileSync(path);
  const hash = createHash('sha1').update(MAKER).update(`${HAS_USING}`).update(text).digest('hex');
  const kept = `${KEPT}${hash}.js`;
  const source = readIfThere(kept) ?? keep(kept, await made(text.toString(), path));
  return { format: 'module', source, shortCircuit: true };
};
