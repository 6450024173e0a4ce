/**
 * `npm run lessons`: builds the site where something has changed, and serves it on this machine.
 *
 * Invariant: serves the built folder and, under `data/`, the data sets of `TIGON_DATA`; nothing else. Pages are
 * cross-origin isolated, so that cells run on all cores.
 */
import { readFile, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync, gzipSync } from 'node:zlib';
import { buildSite, SITE } from './build.ts';

const HEADERS = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
};
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
};
/** What shrinks. */
const TEXT = new Set(['.html', '.js', '.css', '.json', '.svg']);

/** `path` in `folder`, unless it leads out of it. */
const inside = (folder: string, path: string): string | undefined => {
  const file = normalize(join(folder, path));
  return file.startsWith(folder + sep) ? file : undefined;
};

const fileOf = async (path: string, site: string): Promise<string | undefined> => {
  const file = inside(site, path.endsWith('/') ? `${path}index.html` : path);
  if (file === undefined) return undefined;
  for (const found of [file, `${file}.html`])
    if ((await stat(found).catch(() => undefined))?.isFile()) return found;
  return undefined;
};

/** A file of a data set. What is kept as brotli, which pages cannot undo, is given otherwise. */
const dataOf = async (path: string): Promise<Uint8Array | undefined> => {
  const [, name] = /^\/data\/([\w.-]+\/[\w.-]+)$/.exec(path) ?? [];
  const data = process.env['TIGON_DATA'];
  if (name === undefined || data === undefined || data === '') return undefined;
  const file = inside(normalize(data), name);
  if (file === undefined) return undefined;
  const found = await readFile(file).catch(() => undefined);
  if (found !== undefined) return found;
  const plain = file.replace(/\.gz$/, '');
  const packed = await readFile(`${plain}.br`).catch(() => undefined);
  const bytes = packed && brotliDecompressSync(packed);
  return bytes && file !== plain ? gzipSync(bytes, { level: 1 }) : bytes;
};

/** Serves the folder on `port` (0: any that is free). */
export const serveSite = async (
  site: string,
  port: number,
): Promise<{ readonly address: string; readonly server: Server }> => {
  const folder = normalize(site).replace(/[\\/]$/, '');
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const path = decodeURIComponent(pathname);
    const file = await fileOf(path, folder);
    const bytes = file ? await readFile(file).catch(() => undefined) : await dataOf(path);
    const type = TYPES[extname(file ?? '')] ?? 'application/octet-stream';
    if (bytes === undefined) {
      const missing = await readFile(join(folder, '404.html')).catch(() => '');
      response.writeHead(404, { 'content-type': TYPES['.html'], ...HEADERS }).end(missing);
      return;
    }
    const zip =
      TEXT.has(extname(file ?? '')) && /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
    response.writeHead(200, {
      'content-type': type,
      'cache-control': pathname.startsWith('/assets/') ? 'max-age=31536000, immutable' : 'no-cache',
      ...(zip ? { 'content-encoding': 'gzip' } : {}),
      ...HEADERS,
    });
    response.end(zip ? gzipSync(bytes, { level: 6 }) : bytes);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, 'localhost', resolve);
  });
  return { address: `http://localhost:${(server.address() as AddressInfo).port}/`, server };
};

const main = async (): Promise<void> => {
  const port = Number(process.env['PORT'] ?? 8200);
  await buildSite();
  const { address } = await serveSite(SITE, port);
  console.log(`${address}   the lessons (PORT=${port + 1} changes the port; Ctrl+C ends it)`);
  if (!process.env['TIGON_DATA'])
    console.log('data sets are downloaded by the pages; a folder in TIGON_DATA is used instead');
};

if (process.argv[1] === fileURLToPath(import.meta.url))
  await main().catch((error: NodeJS.ErrnoException) => {
    console.error(
      error.code === 'EADDRINUSE' ? `${error.message}; choose another with PORT=8300` : error,
    );
    process.exitCode = 1;
  });
