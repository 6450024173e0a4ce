/**
 * A page as a reader opens it, in a headless Chromium, with an ear on what it complains of.
 *
 * Invariant: each visit has a context of its own: nothing is cached, nothing is left.
 */
import { type Browser, chromium, type Page } from 'playwright-core';

const WEBGPU = [
  '--enable-unsafe-webgpu',
  '--enable-features=Vulkan',
  '--use-vulkan=swiftshader',
  '--use-angle=swiftshader',
  '--ignore-gpu-blocklist',
];

/** A browser whose pages have WebGPU, drawn by the processor where there is no other. */
export const openBrowser = (executablePath: string): Promise<Browser> =>
  chromium.launch({ executablePath, args: ['--no-sandbox', ...WEBGPU] });

export interface Visit {
  readonly page: Page;
  /** Compressed bytes of scripts so far. */
  readonly bytes: () => number;
  /** Errors of the console, addresses that are not there, other hosts. */
  readonly complaints: readonly string[];
}

export const openPage = async (browser: Browser, address: string): Promise<Visit> => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const complaints: string[] = [];
  let bytes = 0;
  page.on('console', (m) => {
    if (m.type() === 'error') complaints.push(`console: ${m.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`page: ${error.message}`));
  context.on('request', (request) => {
    if (!request.url().startsWith(address) && !/^(blob|data):/.test(request.url()))
      complaints.push(`asked another host: ${request.url()}`);
  });
  context.on('response', async (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`);
    if (!/\.js$/.test(new URL(response.url()).pathname)) return;
    const sizes = await response
      .request()
      .sizes()
      .catch(() => undefined);
    bytes += sizes?.responseBodySize ?? 0;
  });
  return { page, bytes: () => bytes, complaints };
};
