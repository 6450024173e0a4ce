/**
 * Headless Chromium, where it is installed: opens one address in a profile of its own.
 *
 * Invariants: where it is not, the reason is printed and tests are skipped; when `close` resolves, the browser and its profile are gone.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { test } from 'uvu';
import { findChromium } from '../machine/browser.ts';

/** Path of the browser, if there is one. */
export const chromium: string | undefined = findChromium();

if (chromium === undefined)
  console.log('skipped: no Chromium on the path; install one or name it in CHROMIUM');

/** A test that is skipped where there is no browser. */
export const testInChromium: typeof test | typeof test.skip =
  chromium === undefined ? test.skip : test;

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-extensions',
  '--disable-dev-shm-usage',
];

/** WebGPU and its canvas in software; without them there is WebGPU, but no adapter. */
const GPU_FLAGS = [
  '--enable-unsafe-webgpu',
  '--enable-features=Vulkan',
  '--use-vulkan=swiftshader',
  '--use-angle=swiftshader',
  '--ignore-gpu-blocklist',
];

export interface Browser {
  /** Resolves with what it printed if it ends by itself. */
  readonly ended: Promise<string>;
  /** Where its developer tools take orders and answer, if it was opened with them. */
  readonly devtools: readonly [orders: Writable, answers: Readable] | undefined;
  close(): Promise<void>;
}

const without = (env: NodeJS.ProcessEnv, names: readonly string[]): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));

/** Opens `address`, with a WebGPU adapter or without any, with a pipe to its developer tools or without. */
export const openBrowser = (
  path: string,
  address: string,
  webgpu: boolean,
  devtools = false,
): Browser => {
  const profile = mkdtempSync(join(tmpdir(), 'tigon-browser-'));
  const child = spawn(
    path,
    [
      ...FLAGS,
      ...(webgpu ? GPU_FLAGS : ['--disable-gpu']),
      ...(devtools ? ['--remote-debugging-pipe'] : []),
      `--user-data-dir=${profile}`,
      address,
    ],
    {
      // a process group of its own, so that its helpers end with it
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', ...(devtools ? (['pipe', 'pipe'] as const) : [])],
      // Chromium brings drivers of its own.
      env: without(process.env, ['VK_ICD_FILENAMES', 'LD_LIBRARY_PATH']),
    },
  );
  let printed = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', () => resolve(printed));
  });
  const close = async (): Promise<void> => {
    killGroup(child);
    await ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  const pipes = devtools
    ? ([child.stdio[3] as Writable, child.stdio[4] as Readable] as const)
    : undefined;
  return { ended, devtools: pipes, close };
};

const killGroup = (child: ChildProcess): void => {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // it has ended by itself
  }
};
