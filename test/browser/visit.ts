/**
 * One visit: serves a page, opens it in Chromium, takes what it posts.
 *
 * Invariant: server and browser are gone afterwards, whatever happened.
 */
import { chromium, openBrowser } from './chromium.ts';
import { servePage } from './server.ts';

/** For one page, starting the browser included. */
const LIMIT_MS = 90_000;

const HEAD =
  '<!doctype html><meta charset="utf-8"><title>tigon</title><link rel="icon" href="data:,">';

export interface Visit {
  readonly body: string;
  /** What is served as `/page.js`; or scripts by their paths. */
  readonly script: string | ReadonlyMap<string, string>;
  /** Whether the page may share memory. */
  readonly isolated: boolean;
  /** Whether the browser has a WebGPU adapter. */
  readonly webgpu?: boolean;
}

/** What the page posts to `/result`, or `{ error }`. */
export const visit = async ({
  body,
  script,
  isolated,
  webgpu = false,
}: Visit): Promise<unknown> => {
  const scripts = typeof script === 'string' ? [['/page.js', script] as const] : script;
  const files = new Map([['/', HEAD + body], ...scripts]);
  const server = await servePage(files, isolated);
  const browser = openBrowser(chromium!, server.address, webgpu);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, LIMIT_MS, `nothing posted in ${LIMIT_MS / 1000} s`);
  });
  try {
    const failed = Promise.race([browser.ended, late]).then((error) => JSON.stringify({ error }));
    return JSON.parse(await Promise.race([server.posted, failed]));
  } finally {
    clearTimeout(timer);
    await browser.close();
    server.close();
  }
};
