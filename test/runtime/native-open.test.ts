/** Opening CUDA where something is missing: what is said, and that the next try finds what came meanwhile. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openCudaFrom } from '../../src/runtime/native/open.ts';
import { addonPlaces } from '../../src/runtime/native/places.ts';
import { failure } from '../support/processes.ts';
import {
  fakeCompiler,
  fakeDriver,
  fakeNccl,
  folderOf,
  misbehave,
  oldDriver,
  openWith,
  withCompiler,
} from './native-fake/libraries.ts';

const folder = mkdtempSync(join(tmpdir(), 'tigon-native-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** The error of opening with these variables. */
const refusal = (environment: Record<string, string>) => failure(() => openWith(environment));

test('an add-on that is not built: where it was looked for, and how to build it', async () => {
  const error = await failure(() => openCudaFrom(['/a/tigon.node', '/b/tigon.node'], {}));
  assert.is(error.code, 'device');
  assert.match(error.brief, /the CUDA add-on is not built\. Looked for:\n {4}\/a\/tigon\.node\n/);
  assert.match(error.brief, /\n {4}the package @tigon\/native-linux-/);
  assert.match(error.help!, /npm run build:native/);
});

test('an add-on that does not load: what the loader says', async () => {
  const path = join(folder, 'tigon.node');
  writeFileSync(path, 'no library');
  const error = await failure(() => openCudaFrom([path], {}));
  assert.match(error.brief, /the CUDA add-on does not load: .*(file too short|invalid ELF header)/);
});

test('the add-on of an installed package comes before one that was built', () => {
  const target = `${process.platform}-${process.arch}`;
  assert.equal(addonPlaces('/package', '/tigon'), [
    `/package/prebuilds/${target}/tigon.node`,
    '/tigon/build/Release/tigon.node',
  ]);
  assert.equal(addonPlaces(undefined, undefined), []);
});

withCompiler('no driver: each place that was tried, with the loader’s words', async () => {
  const missing = join(folder, 'libcuda.so.1');
  const named = await refusal({ TIGON_CUDA_DRIVER: missing });
  assert.is(named.code, 'device');
  assert.match(named.brief, 'there is no CUDA driver. Looked for:\n');
  assert.match(named.brief, `${missing}: cannot open shared object file`);
  assert.match(named.help!, /525\.60\.13 or later.*--gpus all.*TIGON_CUDA_DRIVER/);
});

withCompiler('a file that is no driver', async () => {
  const path = join(folder, 'libcuda.so');
  writeFileSync(path, 'no library');
  const error = await refusal({ TIGON_CUDA_DRIVER: path });
  assert.match(error.brief, /libcuda\.so: (file too short|invalid ELF header)/);
});

withCompiler('a driver that is too old: which functions it lacks', async () => {
  misbehave('eleven');
  const error = await refusal({ TIGON_CUDA_DRIVER: oldDriver() });
  assert.match(error.brief, /the driver is too old: it lacks functions of CUDA 12\.0:\n/);
  assert.match(
    error.brief,
    'CUDA 11.8, lacks cuGraphAddKernelNode_v2 cuGraphExecKernelNodeSetParams_v2',
  );
  assert.match(error.help!, '525.60.13');
});

withCompiler('a driver without a GPU', async () => {
  misbehave('no-device');
  const path = fakeDriver();
  const error = await refusal({ TIGON_CUDA_DRIVER: path, CUDA_VISIBLE_DEVICES: '7' });
  assert.match(error.brief, 'finds no GPU (CUDA_ERROR_NO_DEVICE)');
  assert.match(error.brief, path);
  assert.match(error.help!, /CUDA_VISIBLE_DEVICES is "7" and may hide them.*--gpus all/);
});

withCompiler('a driver that does not start for another reason, with what helps', async () => {
  misbehave('no-fabric');
  const error = await refusal({ TIGON_CUDA_DRIVER: fakeDriver() });
  assert.match(error.brief, /does not start: text of the driver \(CUDA_ERROR_SYSTEM_NOT_READY\)/);
  assert.match(error.help!, 'nvidia-fabricmanager');
});

withCompiler(
  'a compiler that is newer than the driver makes code that it does not load',
  async () => {
    misbehave('thirteen');
    const error = await refusal({
      TIGON_CUDA_DRIVER: fakeDriver(),
      TIGON_CUDA_COMPILER: fakeCompiler(),
    });
    assert.match(
      error.brief,
      'no NVRTC, the compiler of CUDA C++ as a library, that fits the driver (CUDA 12.4)',
    );
    assert.match(error.brief, 'libnvrtc.so.12: version 13.2, newer than the driver');
    assert.match(error.help!, 'TIGON_CUDA_COMPILER names this file as the only one');
  },
);

withCompiler('no compiler: each place, the package to install', async () => {
  misbehave();
  mkdirSync(join(folder, 'toolkit/lib64'), { recursive: true });
  const bad = join(folder, 'toolkit/lib64/libnvrtc.so.12');
  writeFileSync(bad, 'no library');
  const error = await refusal({
    TIGON_CUDA_DRIVER: fakeDriver(),
    TIGON_CUDA_PATH: join(folder, 'toolkit'),
  });
  const [, first, second] = error.brief.split('\n');
  assert.match(first!, bad);
  assert.match(second!, 'libnvrtc.so.13: cannot open shared object file');
  assert.match(
    error.help!,
    /pip install nvidia-cuda-nvrtc-cu12, or a CUDA toolkit; TIGON_CUDA_PATH/,
  );
});

withCompiler('what came meanwhile is found, in folders that TIGON_CUDA_PATH names', async () => {
  misbehave('two');
  const driver = fakeDriver('tools/lib64');
  const compiler = fakeCompiler('tools/lib64');
  const cuda = await openWith({ TIGON_CUDA_PATH: `/nowhere:${folderOf('tools')}` });
  assert.is(cuda.driverVersion, 12040);
  assert.equal(cuda.compilerVersion, [12, 2]);
  assert.equal(cuda.architectures, [80, 90]);
  assert.is(cuda.libraries.compiler, compiler);
  // the driver is the one that refused to start before: libraries stay in the process
  assert.match(cuda.libraries.driver, driver.endsWith('libcuda.so.1') ? 'libcuda.so.1' : '');
  assert.is(cuda.devices.length, 2);
  const { name, uuid, capability, warp, memoryPools, memoryBytes } = cuda.devices[1]!;
  assert.equal(
    { name, uuid, capability, warp, memoryPools, memoryBytes },
    {
      name: 'Fake',
      uuid: 'GPU-10111213-1415-1617-1819-1a1b1c1d1e1f',
      capability: 90,
      warp: 32,
      memoryPools: true,
      memoryBytes: 2 ** 30,
    },
  );
  const none = await failure(() => cuda.open(2));
  assert.match(none.message, 'there is no device 2: there are 2');
});

withCompiler('NCCL is looked for when it is wanted, and again after it was missing', async () => {
  const driver = fakeDriver();
  const compiler = fakeCompiler();
  const missing = { TIGON_CUDA_DRIVER: driver, TIGON_CUDA_COMPILER: compiler };
  const without = await openWith({ ...missing, TIGON_NCCL: '/nowhere/libnccl.so.2' });
  const error = await failure(() => without.openNccl());
  assert.match(error.brief, 'NCCL, which sums over devices, is not here. Looked for:');
  assert.match(error.brief, '/nowhere/libnccl.so.2: cannot open shared object file');
  assert.match(error.help!, /nvidia-nccl-cu12.*TIGON_NCCL/);
  const cuda = await openWith({ ...missing, TIGON_NCCL: fakeNccl() });
  assert.is((await cuda.openNccl()).version, 22203);
});

test.run();
