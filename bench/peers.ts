/**
 * The peers' packages: installed when they are first asked for, at the versions that are pinned.
 *
 * Invariant: what is installed is what `peers/package.json` says.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('./peers/', import.meta.url));

const manifest = (path: string): { version?: string; dependencies?: Record<string, string> } =>
  existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};

export const installPeers = (): void => {
  const wanted = Object.entries(manifest(`${folder}package.json`).dependencies ?? {});
  const there = ([name, version]: [string, string]): boolean =>
    manifest(`${folder}node_modules/${name}/package.json`).version === version;
  if (wanted.every(there)) return;
  process.stderr.write('installing the peers in bench/peers ...\n');
  // no scripts: that of onnxruntime-node fetches libraries of CUDA, which the CPU has no use for
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: 'inherit',
  });
};
