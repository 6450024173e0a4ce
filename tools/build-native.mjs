/**
 * Builds the CUDA add-on: `npm run build:native` makes `build/Release/tigon.node`.
 *
 * `npm run build:native -- --prebuild FOLDER` also copies it to `FOLDER/prebuilds/PLATFORM-ARCHITECTURE/tigon.node` with the
 * manifest of the package `@tigon/native-PLATFORM-ARCHITECTURE`, ready to be packed.
 *
 * Node's headers are those that npm's `nodedir` names, else those beside this Node, which its distributions have; only
 * without either are they downloaded.
 */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const prefix = dirname(dirname(realpathSync(process.execPath)));

const give = (message) => {
  console.error(message);
  process.exit(1);
};

/** npm brings node-gyp with it. */
const gyp = [
  process.env['npm_config_node_gyp'],
  join(prefix, 'lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js'),
].find((path) => path !== undefined && existsSync(path));
if (gyp === undefined) give('node-gyp is not here: start this as `npm run build:native`');
if (!existsSync(join(root, 'node_modules/node-addon-api/napi.h')))
  give('node-addon-api is not here: npm ci');

const headers = [process.env['npm_config_nodedir'], prefix].find(
  (folder) => folder !== undefined && existsSync(join(folder, 'include/node/node_api.h')),
);
const { status } = spawnSync(
  process.execPath,
  [gyp, 'configure', 'build', ...(headers === undefined ? [] : [`--nodedir=${headers}`])],
  { cwd: root, stdio: 'inherit' },
);
if (status !== 0)
  give('the CUDA add-on was not built; it needs a C++17 compiler, make and Python 3');

const built = join(root, 'build/Release/tigon.node');
const at = process.argv.indexOf('--prebuild');
if (at > 0) {
  const folder = process.argv[at + 1] ?? give('--prebuild FOLDER');
  const target = `${process.platform}-${process.arch}`;
  const { version, license, engines } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  const manifest = {
    name: `@tigon/native-${target}`,
    version,
    description: `Tigon's CUDA add-on for ${target}`,
    license,
    engines,
    os: [process.platform],
    cpu: [process.arch],
    files: ['prebuilds'],
  };
  mkdirSync(join(folder, 'prebuilds', target), { recursive: true });
  copyFileSync(built, join(folder, 'prebuilds', target, 'tigon.node'));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  console.log(`${folder}: ${manifest.name}@${version}`);
}
