/**
 * Contenders in headless Chromium: the same browser for all, but a process of it for each, because pages of one browser
 * share what drives the GPU, and nothing but its end stops work that was submitted.
 *
 * Invariants: pages are isolated, for a clock of 5 microseconds; a browser is gone when its connection is closed.
 */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium as playwright } from 'playwright-core';
import { servePage } from '../test/browser/server.ts';
import { findChromium } from '../test/machine/browser.ts';
import { type Connection, type Host, offerOf } from './host.ts';
import type { Reply, Request } from './protocol.ts';

const FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--enable-unsafe-webgpu',
  '--enable-features=Vulkan',
  '--ignore-gpu-blocklist',
];
/** Without them a headless browser has no adapter where there is no graphics card. */
const SOFTWARE = ['--use-vulkan=swiftshader', '--use-angle=swiftshader'];
const HARDWARE = ['--use-angle=vulkan'];

const PAGE =
  '<!doctype html><meta charset="utf-8"><title>bench</title><link rel="icon" href="data:,">';

/** The module of a contender and what answers for it, as one script. */
const script = async (module: string): Promise<string> => {
  const { outputFiles } = await build({
    stdin: {
      contents: `import { serve } from './page.ts';
import { contender } from './${module}.ts';
serve(contender);`,
      resolveDir: fileURLToPath(new URL('.', import.meta.url)),
    },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    conditions: ['tigon-source', 'browser'],
    external: ['@hpcc-js/wasm-graphviz'],
    logLevel: 'error',
  });
  return outputFiles[0]!.text;
};

export interface Contenders {
  readonly hosts: readonly Host[];
  /** Stops serving their pages. */
  close(): void;
}

/** Hosts of contenders (name and module each), on the machine's graphics card or in software. */
export const browserHosts = async (
  modules: Readonly<Record<string, string>>,
  hardware: boolean,
): Promise<Contenders> => {
  const executablePath = findChromium();
  if (executablePath === undefined)
    throw new Error('no Chromium on the path; install one or name it in CHROMIUM');
  const files = new Map([['/', PAGE]]);
  for (const [name, module] of Object.entries(modules))
    files.set(`/${name}.js`, await script(module));
  const server = await servePage(files, true);
  // Chromium brings drivers of its own
  const { VK_ICD_FILENAMES: _, LD_LIBRARY_PATH: __, ...plain } = process.env;
  const env = hardware ? process.env : plain;
  const open = async (name: string): Promise<Connection> => {
    const started = await playwright.launchServer({
      executablePath,
      headless: true,
      args: [...FLAGS, ...(hardware ? HARDWARE : SOFTWARE)],
      env: Object.fromEntries(
        Object.entries(env).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
      ),
    });
    const browser = await playwright.connect(started.wsEndpoint());
    const page = await browser.newPage();
    const ask = async (request: Request): Promise<Reply> =>
      (await page.evaluate(`globalThis.ask(${JSON.stringify(request)})`)) as Reply;
    try {
      await page.goto(server.address);
      await page.evaluate(`import('/${name}.js')`);
      return { offer: offerOf(await ask({ kind: 'list' })), ask, close: () => started.kill() };
    } catch (error) {
      await started.kill();
      throw error;
    }
  };
  return {
    hosts: Object.keys(modules).map((name) => ({
      name,
      engine: 'chromium',
      threads: null,
      open: () => open(name),
    })),
    close: () => server.close(),
  };
};
