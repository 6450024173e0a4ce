/**
 * A folder that runs the benchmarks, or any module of this repository, on an x86-64 Linux machine which has a Vulkan
 * driver but neither Node nor a network: this machine's Node, Dawn, a Vulkan loader, and the modules as plain JavaScript.
 *
 * `npm run device:bundle -- FOLDER [MODULE.ts ...]` writes `FOLDER/device.tar.gz` and `FOLDER/run.sh`; copy both, then
 *   bash FOLDER/run.sh bench/run.js kernels --device webgpu
 *
 * Invariant: libraries that the machine has are preferred to those that are carried.
 */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const [target, ...modules] = process.argv.slice(2);
if (target === undefined) throw new Error('npm run device:bundle -- FOLDER [MODULE.ts ...]');

const ALWAYS = [
  'bench/run.ts',
  'bench/child.ts',
  'bench/subjects/tigon-webgpu.ts',
  'bench/kernels/gpu/steps.ts',
  'src/cli/main.ts',
];
/** What Dawn and drivers of graphics cards load; the last ones belong to NVIDIA's. */
const LIBRARIES = [
  'libvulkan.so.1',
  'libstdc++.so.6',
  'libgcc_s.so.1',
  'libX11.so.6',
  'libXext.so.6',
  'libxcb.so.1',
  'libXau.so.6',
  'libXdmcp.so.6',
  'libbsd.so.0',
  'libmd.so.0',
  'libEGL.so.1',
  'libGLX.so.0',
  'libGLdispatch.so.0',
];
const DAWN = ['index.js', 'package.json', 'LICENSE.md', 'dist/linux-x64/dawn.node'];

const work = mkdtempSync(join(tmpdir(), 'tigon-device-'));
const inside = (...path) => {
  const to = join(work, ...path);
  mkdirSync(join(to, '..'), { recursive: true });
  return to;
};

/** Where the loader of this machine finds a library. */
const findLibrary = (() => {
  const lines = execFileSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' }).split('\n');
  return (name) =>
    lines
      .find((line) => line.trim().startsWith(`${name} `) && line.includes('x86-64'))
      ?.split('=> ')[1];
})();

try {
  await build({
    absWorkingDir: root,
    entryPoints: [...new Set([...ALWAYS, ...modules])],
    outdir: work,
    outbase: '.',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['tigon-source'],
    external: ['webgpu', 'esbuild', 'playwright-core', 'benchmark', '@hpcc-js/wasm-graphviz'],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
  writeFileSync(inside('package.json'), '{ "type": "module" }\n');
  copyFileSync(process.execPath, inside('node'));
  for (const file of DAWN)
    cpSync(join(root, 'node_modules/webgpu', file), inside('node_modules/webgpu', file));
  execFileSync('strip', [join(work, 'node'), join(work, 'node_modules/webgpu', DAWN.at(-1))]);
  for (const name of LIBRARIES) {
    const path = findLibrary(name);
    if (path !== undefined) copyFileSync(path, inside('lib', name));
    else console.warn(`${name} is not on this machine: not carried`);
  }
  if (!existsSync(join(work, 'lib', LIBRARIES[0])))
    throw new Error('no Vulkan loader to carry: apt install libvulkan1');
  mkdirSync(target, { recursive: true });
  execFileSync('tar', ['-C', work, '-czf', join(target, 'device.tar.gz'), '.']);
  copyFileSync(join(root, 'tools/device-run.sh'), join(target, 'run.sh'));
} finally {
  rmSync(work, { recursive: true, force: true });
}
