/** What programs launch, on a device that records it: graphs, their nodes, the order of work and of compiling. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultCudaCaps } from '../../../src/codegen/cuda/caps.ts';
import { renderProgram } from '../../../src/codegen/cuda/program.ts';
import { freshCounters } from '../../../src/runtime/cuda/counters.ts';
import { CudaDevice, type Opened } from '../../../src/runtime/cuda/device.ts';
import type { Storage } from '../../../src/runtime/device.ts';
import type { CompiledImage } from '../../../src/runtime/native/api.ts';
import { NativeError } from '../../../src/runtime/native/api.ts';
import { counted, failure } from '../../support/processes.ts';
import { chainProgram } from '../../support/wasm.ts';
import { type SlowContext, slowContext } from './slow-context.ts';

const MB = 2 ** 20;
const IMAGE: CompiledImage = { image: new Uint8Array(1), log: '' };

interface Made {
  readonly device: CudaDevice;
  readonly slow: SlowContext;
}

const make = (options: Partial<Opened> = {}, bytes?: number): Made => {
  const slow = slowContext(bytes);
  const device = new CudaDevice({
    name: 'cuda(0)',
    properties: {} as Opened['properties'],
    context: slow.context,
    compiler: {
      native: { compile: () => IMAGE, compileAsync: async () => IMAGE },
      options: [],
      cache: undefined,
    },
    caps: defaultCudaCaps,
    counters: freshCounters(),
    memory: { limitBytes: 2 ** 40, pressureBytes: 2 ** 40, idleBytes: 2 ** 40 },
    blocking: false,
    ...options,
  });
  return { device, slow };
};

/** Lets what is compiled be ready. */
const compiled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const arrays = (device: CudaDevice, count: number, bytes = 1024): Storage[] =>
  Array.from({ length: count }, (_, i) => device.allocate(bytes, `${i}`));

test('a program is one launch, and nothing else on buffers that it ran on before', async () => {
  const { device, slow } = make();
  const program = device.load(chainProgram(5, 16, 4));
  await compiled();
  const [x, y, z] = arrays(device, 3) as [Storage, Storage, Storage];
  const first = await counted(device, () => program.run([x, y], [0, 0], [1]));
  assert.is(first.graphs, 1);
  assert.is(first.updates, 0);
  assert.is(first.launches, 1);
  const still = await counted(device, () => program.run([x, y], [0, 0], [1]));
  assert.equal(still, { ...freshCounters(), launches: 1 });
  const number = await counted(device, () => program.run([x, y], [0, 0], [2]));
  assert.equal(number, { ...freshCounters(), launches: 1, uploadedBytes: number.uploadedBytes });
  assert.ok(number.uploadedBytes > 0 && number.uploadedBytes <= 16);
  const other = await counted(device, () => program.run([x, z], [0, 0], [2]));
  assert.is(other.graphs, 1);
  assert.is(other.updates, 1, 'only the launch that writes z is changed');
  const back = await counted(device, () => {
    program.run([x, y], [0, 0], [2]);
    program.run([x, z], [0, 0], [2]);
  });
  assert.equal(back, { ...freshCounters(), launches: 2 });
  const [a, b, c] = slow.launched.slice(-3);
  assert.is(a, c);
  assert.ok(b!.includes(`,${y.pointer},`) && c!.includes(`,${z.pointer},`), `${b}\n${c}`);
});

test('graphs of the buffers used last are kept, the oldest is changed', async () => {
  const { device } = make();
  const program = device.load(chainProgram(3, 16, 4));
  await compiled();
  const x = device.allocate(256, 'x');
  const outputs = arrays(device, 12);
  const run = (i: number): void => program.run([x, outputs[i]!], [0, 0], [1]);
  const many = await counted(device, () => {
    for (let round = 0; round < 3; round++) for (let i = 0; i < 8; i++) run(i);
  });
  assert.is(many.graphs, 8);
  assert.is(many.updates, 7);
  const ninth = await counted(device, () => run(8));
  assert.equal([ninth.graphs, ninth.updates], [0, 1], 'in place of the first');
  const kept = await counted(device, () => {
    for (let i = 1; i < 9; i++) run(i);
  });
  assert.is(kept.updates, 0);
  assert.is((await counted(device, () => run(0))).updates, 1);
});

test('a larger arena makes new graphs', async () => {
  const { device, slow } = make();
  const small = device.load(chainProgram(3, 16, 4));
  await compiled();
  const [x, y] = arrays(device, 2) as [Storage, Storage];
  small.run([x, y], [0, 0], [1]);
  device.load(chainProgram(3, 256, 16));
  await compiled();
  const again = await counted(device, () => small.run([x, y], [0, 0], [1]));
  assert.is(again.graphs, 1);
  const [before, after] = slow.launched.slice(-2);
  assert.is.not(before, after);
  small.dispose();
  small.dispose();
  assert.match((await failure(() => small.run([x, y], [0, 0], [1]))).message, /was disposed/);
});

test('one kernel is launched by itself', async () => {
  const { device, slow } = make();
  const program = device.load(chainProgram(1, 16, 4));
  await compiled();
  const [x, y] = arrays(device, 2) as [Storage, Storage];
  const used = await counted(device, () => {
    program.run([x, y], [0, 0], [1]);
    program.run([y, x], [0, 0], [1]);
  });
  assert.equal([used.launches, used.graphs, used.updates], [2, 0, 0]);
  assert.ok(slow.launched[0]!.includes(`(${x.pointer},`), slow.launched[0]);
  assert.ok(slow.launched[1]!.includes(`(${y.pointer},`), slow.launched[1]);
});

test('what lies askew or in bytes that are written is copied beside, and back', async () => {
  const { device, slow } = make();
  const program = device.load(chainProgram(3, 16, 4));
  await compiled();
  const [x, y] = arrays(device, 2) as [Storage, Storage];
  const plain = await counted(device, () => program.run([x, y], [16, 32], [1]));
  assert.is(plain.copies, 0);
  const askew = await counted(device, () => program.run([x, y], [4, 36], [1]));
  assert.is(askew.copies, 3, 'both are copied, and the result back');
  assert.not.ok(slow.launched.at(-1)!.includes(`${x.pointer + 4}`));
  const apart = await counted(device, () => program.run([x, x], [0, 256], [1]));
  assert.is(apart.copies, 0, 'neighbours in one storage');
  const across = await counted(device, () => program.run([x, x], [0, 240], [1]));
  assert.is(across.copies, 1, 'an input that is overwritten');
});

test('work waits for the compiler in its order, and past a bound for nothing', async () => {
  const { source } = renderProgram(chainProgram(1, 16, 4), { names: 'plain' });
  const compiles: string[] = [];
  let ready = (): void => {};
  const gate = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const native = {
    compile: () => {
      compiles.push('now');
      return IMAGE;
    },
    compileAsync: async (text: string) => {
      assert.is(text, source);
      compiles.push('aside');
      await gate;
      return IMAGE;
    },
  };
  const { device, slow } = make({ compiler: { native, options: [], cache: undefined } });
  const program = device.load(chainProgram(1, 16, 4));
  const same = device.load(chainProgram(1, 16, 4));
  const [x, y] = arrays(device, 2) as [Storage, Storage];
  device.write(x, 0, Uint8Array.of(5));
  program.run([x, y], [0, 0], [1]);
  same.run([x, y], [0, 0], [2]);
  const value = device.read(x, 0, 1);
  device.write(x, 0, Uint8Array.of(6));
  assert.equal(compiles, ['aside'], 'equal programs are one unit');
  assert.is(slow.launched.length, 0);
  ready();
  await compiled();
  slow.run();
  assert.equal([...(await value)], [5]);
  assert.is(slow.launched.length, 2);
});

test('a loop that never awaits has bounded work waiting', () => {
  let compiles = 0;
  const native = {
    compile: () => {
      compiles++;
      return IMAGE;
    },
    compileAsync: () => new Promise<CompiledImage>(() => {}),
  };
  const { device, slow } = make({ compiler: { native, options: [], cache: undefined } });
  const program = device.load(chainProgram(1, 16, 4));
  const [x, y] = arrays(device, 2) as [Storage, Storage];
  for (let i = 0; i < 300; i++) program.run([x, y], [0, 0], [i]);
  assert.is(compiles, 1);
  assert.is(slow.launched.length, 300);
});

test('memory that is freed while work waits is not written to before its turn', async () => {
  const { device, slow } = make();
  const x = device.allocate(MB, 'x');
  device.write(x, 0, Uint8Array.of(9));
  const program = device.load(chainProgram(3, 16, 4));
  const [a, b] = arrays(device, 2) as [Storage, Storage];
  program.run([a, b], [0, 0], [1]);
  const value = device.read(x, 0, 1);
  device.release(x);
  const y = device.allocate(MB, 'y');
  device.write(y, 0, Uint8Array.of(1));
  await compiled();
  slow.run();
  assert.equal([...(await value)], [9]);
});

test('when memory runs out: what is idle goes, then what nobody can reach, then it is an error', async () => {
  const { device } = make({}, 100 * MB);
  device.release(device.allocate(60 * MB, 'idle'));
  const kept = device.allocate(70 * MB, 'activations');
  for (let i = 0; i < 20; i++) device.allocate(20 * MB, 'unreachable');
  const error = await failure(() => device.allocate(64 * MB, 'conv1.output'));
  assert.is(error.name, 'OutOfMemoryError');
  assert.match(error.message, /no room for 64\.0 MB \(conv1\.output\): .* in use on cuda\(0\)/);
  assert.match(error.message, /72\.0 MB in 1 × activations/);
  device.release(kept);
  device.release(device.allocate(64 * MB, 'conv1.output'));
});

const failing = (code: string, fatal: boolean): NativeError =>
  new NativeError(code, 'cuStreamSynchronize', `${code} of cuStreamSynchronize`, '', fatal);

test('a kernel that fails loses the device; the programs that may be to blame are named', async () => {
  const { device, slow } = make();
  const program = device.load(chainProgram(3, 16, 4));
  const harmless = device.load({ ...chainProgram(1, 16, 4), name: 'harmless' });
  await compiled();
  const [x, y] = arrays(device, 2) as [Storage, Storage];
  harmless.run([x, y], [0, 0], [1]);
  slow.run();
  await device.synchronize();
  program.run([x, y], [0, 0], [1]);
  slow.context.synchronizeAsync = () => Promise.reject(failing('CUDA_ERROR_ILLEGAL_ADDRESS', true));
  const error = await failure(() => device.synchronize());
  assert.match(error.message, /cuda\(0\) was lost: a kernel reached memory that is not its own/);
  assert.match(error.message, /\(CUDA_ERROR_ILLEGAL_ADDRESS\), in program chain; TIGON_CUDA_BL/);
  assert.match(error.message, /help: .*await device\.cuda\(\)/);
  assert.ok(device.lost);
  for (const use of [
    () => program.run([x, y], [0, 0], [0]),
    () => device.load(chainProgram(1, 16, 4)),
    () => device.allocate(16, 'new'),
    () => device.write(x, 0, new Uint8Array(4)),
    () => device.read(x, 0, 4),
    () => device.synchronize(),
    () => device.profile(() => undefined),
  ])
    assert.is(await failure(use), error);
  device.release(x);
  program.dispose();
});

test('launching one by one names the kernel', async () => {
  const { device, slow } = make({ blocking: true });
  const program = device.load(chainProgram(3, 16, 4));
  await compiled();
  const [x, y] = arrays(device, 2) as [Storage, Storage];
  let waits = 0;
  slow.context.synchronize = () => {
    if (++waits === 2) throw failing('CUDA_ERROR_LAUNCH_FAILED', true);
  };
  const error = await failure(() => program.run([x, y], [0, 0], [1]));
  assert.match(error.message, /a kernel failed while it ran .*, in kernel step of program chain\n/);
});

test('a program that does not compile says which kernel and what the compiler wrote', async () => {
  const native = {
    compile: () => IMAGE,
    compileAsync: (source: string) => {
      const line = source.split('\n').findIndex((text) => text.startsWith('KERNEL(')) + 2;
      const log = `chain.cu(${line}): error: identifier "nonsense" is undefined\n1 error detected`;
      const code = 'NVRTC_ERROR_COMPILATION';
      return Promise.reject(new NativeError(code, 'nvrtcCompileProgram', code, log, false));
    },
  };
  const { device, slow } = make({ compiler: { native, options: [], cache: undefined } });
  const program = device.load(chainProgram(1, 16, 4));
  const [x, y] = arrays(device, 2) as [Storage, Storage];
  program.run([x, y], [0, 0], [1]);
  const wait = failure(() => device.synchronize());
  await compiled();
  slow.run();
  const error = await wait;
  assert.match(error.message, /kernel step of program chain does not compile for this device/);
  assert.match(error.message, /error: identifier "nonsense" is undefined/);
  assert.is(await failure(() => program.run([x, y], [0, 0], [1])), error);
  await device.synchronize();
});

test('memory that is not there for the driver itself is said as such', async () => {
  const { device, slow } = make();
  const program = device.load(chainProgram(3, 16, 4));
  await compiled();
  const [x, y] = arrays(device, 2) as [Storage, Storage];
  slow.context.instantiate = () => {
    throw failing('CUDA_ERROR_OUT_OF_MEMORY', false);
  };
  const error = await failure(() => program.run([x, y], [0, 0], [1]));
  assert.is(error.name, 'OutOfMemoryError');
  assert.match(error.message, /cuda\(0\): no memory left: running program chain/);
  slow.context.instantiate = () => {
    throw failing('CUDA_ERROR_INVALID_VALUE', false);
  };
  const broken = await failure(() => program.run([x, y], [0, 0], [1]));
  assert.match(broken.message, /cuda\(0\): running program chain: CUDA_ERROR_INVALID_VALUE/);
  assert.match(broken.message, /help: this is a bug/);
});

test('work is not let run ahead without end', async () => {
  const { device, slow } = make();
  const program = device.load(chainProgram(1, 16, 4));
  await compiled();
  const [x, y] = arrays(device, 2) as [Storage, Storage];
  let waits = 0;
  for (let i = 0; i < 1200; i++) {
    program.run([x, y], [0, 0], [1]);
    const wait = device.relieve();
    if (wait === undefined) continue;
    waits++;
    slow.run();
    await wait;
    assert.not.ok(device.pressure);
  }
  assert.is(waits, 2);
});

test('arrays that are gone or elsewhere are refused', async () => {
  const { device } = make();
  const other = make().device.allocate(16, 'there');
  const gone = device.allocate(64, 'gone');
  device.release(gone);
  for (const use of [() => device.read(gone, 0, 4), () => device.write(gone, 0, new Uint8Array(4))])
    assert.match((await failure(use)).message, /freed before this call/);
  const program = device.load(chainProgram(1, 16, 4));
  const x = device.allocate(256, 'x');
  const freed = await failure(() => program.run([x, gone], [0, 0], [0]));
  assert.match(freed.message, /chain: output output was freed before this call/);
  const foreign = await failure(() => program.run([other, x], [0, 0], [0]));
  assert.match(foreign.message, /input input lives on an older opening of this device/);
  const outside = await failure(() => device.write(x, 254, new Uint8Array(4)));
  assert.match(outside.message, /bytes 254 to 258 of a storage of 256/);
});

test.run();
