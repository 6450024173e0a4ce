/**
 * A folder that runs the tests, the benchmarks, or any module of this repository, on an x86-64 Linux machine which has a
 * driver (CUDA's or Vulkan's) but neither Node nor a network: this machine's Node, the CUDA add-on, Dawn, a Vulkan loader,
 * and all modules as plain JavaScript where their sources lie here.
 *
 * `npm run device:bundle -- FOLDER` writes `FOLDER/device.tar.gz` and `FOLDER/run.sh`; copy both, then
 *   bash FOLDER/run.sh tests cuda
 *   bash FOLDER/run.sh bench/run.js --device cuda --peers --json cuda.json
 *
 * Invariant: what is carried lies as it does here, so that modules find each other and their data; libraries that the
 * machine has are preferred to those that are carried.
 */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [target] = process.argv.slice(2);
if (target === undefined) throw new Error('npm run device:bundle -- FOLDER');

/** Packages that modules import, and all that those import. */
const PACKAGES = ['chevrotain', 'uvu', 'benchmark', 'wgsl_reflect'];
/** Beside the compiled modules. */
const DATA = ['test/fixtures', 'bench/cuda/torch', 'src/runtime/native/addon', 'LICENSE'];
/** To build the add-on anew where it does not load: of node-addon-api and of Node's C interface. */
const HEADERS = ['napi.h', 'napi-inl.h', 'napi-inl.deprecated.h'];
const NODE_HEADERS = ['node_api.h', 'node_api_types.h', 'js_native_api.h', 'js_native_api_types.h'];
const DAWN = ['index.js', 'package.json', 'LICENSE.md', 'dist/linux-x64/dawn.node'];
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

const work = mkdtempSync(join(tmpdir(), 'tigon-device-'));
const inside = (...path) => {
  const to = join(work, ...path);
  mkdirSync(dirname(to), { recursive: true });
  return to;
};
const carry = (path) => cpSync(join(root, path), inside(path), { recursive: true });
const note = (name, reason) => console.warn(`${name}: not carried: ${reason}`);

/** Sources as JavaScript, with imports of what lies beside them renamed, and maps: errors name lines of the sources. */
const compile = () => {
  const flags = ['--noEmit', 'false', '--rootDir', '.', '--outDir', work, '--isolatedDeclarations'];
  const off = ['false', '--declaration', 'false', '--declarationMap', 'false'];
  const tsc = join(root, 'node_modules/.bin/tsc');
  const args = ['-p', 'tsconfig.json', ...flags, ...off];
  execFileSync(tsc, args, { cwd: root, stdio: 'inherit' });
  // as if the sources lay beside what became of them
  for (const path of readdirSync(work, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.js.map')) continue;
    const map = JSON.parse(readFileSync(join(work, path), 'utf8'));
    const sources = map.sources.map((source) => basename(source));
    writeFileSync(join(work, path), JSON.stringify({ ...map, sources }));
  }
};

/** The conditions of the package's own modules, resolved for Node. */
const compiled = (entry) => {
  if (typeof entry === 'string') return entry.replace(/\.ts$/, '.js');
  return compiled(entry['tigon-source'] ?? entry.default);
};
const packageFile = () => {
  const { name, version, type, imports, exports } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  const resolved = (table) =>
    Object.fromEntries(Object.entries(table).map(([key, entry]) => [key, compiled(entry)]));
  const own = { name, version, type, imports: resolved(imports), exports: resolved(exports) };
  writeFileSync(inside('package.json'), `${JSON.stringify(own, undefined, 1)}\n`);
};

/** Packages with all that they depend on, by the lock file. */
const closureOf = (names) => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const all = new Set();
  const add = (name) => {
    if (all.has(name)) return;
    all.add(name);
    Object.keys(packages[`node_modules/${name}`]?.dependencies ?? {}).forEach(add);
  };
  names.forEach(add);
  return [...all];
};

const addon = () => {
  const built = 'build/Release/tigon.node';
  if (!existsSync(join(root, built)))
    return note('the CUDA add-on', 'it is not built: npm run build:native');
  carry(built);
  execFileSync('strip', ['--strip-debug', join(work, built)]);
  for (const header of HEADERS) carry(`node_modules/node-addon-api/${header}`);
  const prefix = [join(dirname(process.execPath), '../include/node'), '/usr/include/node'].find(
    (folder) => existsSync(join(folder, NODE_HEADERS[0])),
  );
  if (prefix === undefined) return note("Node's headers", 'they are not beside Node');
  for (const header of NODE_HEADERS)
    copyFileSync(join(prefix, header), inside('include/node', header));
};

/** Where the loader of this machine finds a library. */
const findLibrary = (() => {
  const lines = execFileSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' }).split('\n');
  return (name) =>
    lines
      .find((line) => line.trim().startsWith(`${name} `) && line.includes('x86-64'))
      ?.split('=> ')[1];
})();

const webgpu = () => {
  for (const file of DAWN) carry(`node_modules/webgpu/${file}`);
  execFileSync('strip', [join(work, 'node_modules/webgpu', DAWN.at(-1))]);
  for (const name of LIBRARIES) {
    const path = findLibrary(name);
    if (path === undefined) note(name, 'it is not on this machine');
    else copyFileSync(path, inside('lib', name));
  }
};

try {
  compile();
  packageFile();
  for (const path of DATA) carry(path);
  for (const name of closureOf(PACKAGES)) carry(`node_modules/${name}`);
  addon();
  webgpu();
  copyFileSync(process.execPath, inside('node'));
  execFileSync('strip', [join(work, 'node')]);
  copyFileSync(join(root, 'tools/device-tests.mjs'), inside('tests.mjs'));
  mkdirSync(target, { recursive: true });
  execFileSync('tar', ['-C', work, '-czf', join(target, 'device.tar.gz'), '.']);
  copyFileSync(join(root, 'tools/device-run.sh'), join(target, 'run.sh'));
} finally {
  rmSync(work, { recursive: true, force: true });
}
