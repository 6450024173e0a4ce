/**
 * `npm run example:browser`: builds the page and serves it on this machine, with and without the headers that allow
 * threads.
 *
 * Invariant: serves the built folder and, under `mnist/`, the MNIST files of `TIGON_DATA`; nothing else.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSite, SITE } from './build.ts';

/** What makes a page cross-origin isolated: then it may share memory between threads. */
const ISOLATING = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.map': 'application/json',
};

/** The file that a request is for: names without folders, so that none leads out of them. */
const fileOf = (path: string, site: string): string | undefined => {
  const [, folder, name] = /^\/(mnist\/)?([\w.-]*)$/.exec(path) ?? [];
  if (name === undefined || name.startsWith('.')) return undefined;
  if (folder === undefined) return join(site, name === '' ? 'index.html' : name);
  const data = process.env['TIGON_DATA'];
  return data === undefined || data === '' ? undefined : join(data, 'mnist', name);
};

/** Serves the folder on `port` (0: any that is free). */
export const serveSite = async (
  site: string,
  { port, isolated }: { readonly port: number; readonly isolated: boolean },
): Promise<{ readonly address: string; readonly server: Server }> => {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const file = fileOf(pathname, site);
    const bytes = file && (await readFile(file).catch(() => undefined));
    response.writeHead(bytes ? 200 : 404, {
      'content-type': TYPES[extname(file ?? '')] ?? 'application/octet-stream',
      'cache-control': 'no-cache',
      ...(isolated ? ISOLATING : {}),
    });
    response.end(bytes || undefined);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, 'localhost', resolve);
  });
  return { address: `http://localhost:${(server.address() as AddressInfo).port}/`, server };
};

const main = async (): Promise<void> => {
  const port = Number(process.env['PORT'] ?? 8080);
  await buildSite(SITE);
  const threads = await serveSite(SITE, { port, isolated: true });
  const plain = await serveSite(SITE, { port: port + 1, isolated: false });
  console.log(`${threads.address}   cross-origin isolated: the CPU device runs on all cores`);
  console.log(`${plain.address}   without the headers: it runs on one`);
  console.log(`(built in ${SITE}; PORT=${port + 2} changes the ports; Ctrl+C ends it)`);
};

if (process.argv[1] === fileURLToPath(import.meta.url))
  await main().catch((error: NodeJS.ErrnoException) => {
    console.error(
      error.code === 'EADDRINUSE' ? `${error.message}; choose others with PORT=8100` : error,
    );
    process.exitCode = 1;
  });
