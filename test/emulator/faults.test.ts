/** Mistakes that are planted in kernels, and what the emulator says about each; the process survives all of them. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Bench, emulated, ORDERS, under } from './support.ts';

interface Planted {
  readonly kernel: string;
  readonly code: string;
  readonly message: RegExp;
  readonly threads?: number;
  readonly shared?: number;
  readonly bytes?: number;
  readonly int?: number;
}

/** Runs a faulty kernel on memory of 64 floats on a device of its own, and gives the error. */
const errorOf = (
  bench: Bench,
  { kernel, threads = 64, shared = 0, bytes = 256, int }: Planted,
): Error => {
  const out = bench.memory(bytes);
  const args = int === undefined ? [out] : [out, { int }];
  bench.launch(bench.kernel('faulty', kernel), args, { threads, shared });
  try {
    bench.context.synchronize(bench.stream);
  } catch (error) {
    return error as Error;
  }
  throw new Error(`${kernel} went unnoticed`);
};

const finds = (
  what: string,
  planted: Planted,
  settings: Parameters<typeof under>[0] = {},
): void => {
  emulated(what, (cuda) => {
    const bench = new Bench(cuda);
    const error = under(settings, () => errorOf(bench, planted));
    assert.match(error.message, planted.message);
    assert.is((error as { code?: string } & Error).code, planted.code);
    assert.ok((error as { fatal?: boolean } & Error).fatal, 'the device is lost');
  });
};

const FAILED = 'CUDA_ERROR_LAUNCH_FAILED';
const ILLEGAL = 'CUDA_ERROR_ILLEGAL_ADDRESS';

finds('a barrier that half of the threads reach', {
  kernel: 'half_barrier',
  code: FAILED,
  message:
    /kernel half_barrier, block \(0, 0, 0\), thread \(32, 0, 0\): .*32 others wait at the barrier/,
});
finds('two barriers that threads wait at', {
  kernel: 'two_barriers',
  code: FAILED,
  message: /different barriers, of lines \d+ and \d+/,
});
finds('an exchange that half of the lanes reach', {
  kernel: 'half_exchange',
  code: FAILED,
  message: /ends while 1 others of its warp wait at an exchange/,
});
finds('a store behind the end', {
  kernel: 'behind',
  code: ILLEGAL,
  message: /kernel behind, .*thread \(63, 0, 0\).* 0 bytes behind the end of 256 bytes/,
});
finds('a store before the start', {
  kernel: 'before',
  code: ILLEGAL,
  message: /kernel before.*wrote around the 256 bytes/,
});
finds('a store behind the end, where no page ends', {
  kernel: 'just_behind',
  code: ILLEGAL,
  threads: 1,
  bytes: 5,
  int: 5,
  message: /kernel just_behind.*wrote around the 5 bytes/,
});
finds('a store before the start, by one byte', {
  kernel: 'just_before',
  code: ILLEGAL,
  threads: 1,
  message: /kernel just_before.*wrote around the 256 bytes/,
});
finds('a store behind shared memory', {
  kernel: 'shared_behind',
  code: ILLEGAL,
  shared: 256,
  message: /wrote beyond its 256 bytes of shared memory/,
});
finds('a vector at an address that is not its own', {
  kernel: 'crooked',
  code: 'CUDA_ERROR_MISALIGNED_ADDRESS',
  threads: 1,
  message: /kernel crooked.*no multiple of its size/,
});
finds('arrays that are larger than the stack', {
  kernel: 'endless',
  code: FAILED,
  threads: 1,
  int: 5,
  message: /stack of a thread overflowed/,
});

const checked = { check: true };
finds(
  'checked: a store before the start',
  {
    kernel: 'before',
    code: ILLEGAL,
    message: /thread \(0, 0, 0\): an access to 4 bytes at .*, 4 bytes before 256 bytes/,
  },
  checked,
);
finds(
  'checked: a store behind the end, where no page ends',
  {
    kernel: 'just_behind',
    code: ILLEGAL,
    threads: 1,
    bytes: 5,
    int: 5,
    message: /0 bytes behind the end of 5 bytes/,
  },
  checked,
);
finds(
  'checked: a read that races with a write',
  {
    kernel: 'late_barrier',
    code: FAILED,
    shared: 256,
    message: /byte \d+ of shared memory, which thread \d+ (reads|writes) without a barrier between/,
  },
  checked,
);

emulated('a missing barrier: threads that have not run wrote nothing yet', (cuda) => {
  const bench = new Bench(cuda);
  const x = bench.memory(new Float32Array(64).fill(1));
  for (const order of ['forward', 'reverse'])
    under({ order }, () => {
      const out = bench.memory(256);
      bench.launch(bench.kernel('faulty', 'no_barrier'), [x, out], { threads: 64, shared: 256 });
      const values = bench.floats(out, 64);
      // one of each two lanes is too early
      values.forEach((value, i) => {
        const early = order === 'forward' ? i % 2 === 0 : i % 2 === 1;
        assert.is(Number.isNaN(value), early, `${order} ${i}`);
      });
    });
});

emulated('a missing barrier: the result depends on the order', (cuda) => {
  const bench = new Bench(cuda);
  const results = ORDERS.map((order) =>
    under({ order }, () => {
      const out = bench.memory(256);
      bench.launch(bench.kernel('faulty', 'late_barrier'), [out], { threads: 64, shared: 256 });
      return bench.floats(out, 64).join();
    }),
  );
  assert.ok(new Set(results).size > 1);
});

emulated('checked kernels that are right stay right', (cuda) => {
  const bench = new Bench(cuda);
  under({ check: true }, () => {
    const x = bench.memory(new Float32Array(512).fill(1));
    const out = bench.memory(8);
    bench.launch(bench.kernel('plain', 'row_sums'), [x, out], {
      grid: 2,
      threads: 256,
      shared: 32,
    });
    assert.equal(bench.floats(out, 2), [256, 256]);
  });
});

emulated('shared memory and new memory hold NaN', (cuda) => {
  const bench = new Bench(cuda);
  const out = bench.memory(256);
  assert.ok(bench.floats(out, 64).every(Number.isNaN));
  bench.launch(bench.kernel('faulty', 'unwritten'), [out], { threads: 64, shared: 256 });
  assert.ok(bench.floats(out, 64).every(Number.isNaN));
});

emulated('memory that was freed, and memory far away', (cuda) => {
  const bench = new Bench(cuda);
  const out = bench.memory(256);
  bench.context.free(out, bench.stream);
  bench.launch(bench.kernel('faulty', 'unwritten'), [out], { threads: 64, shared: 256 });
  assert.throws(() => bench.context.synchronize(bench.stream), /memory that was freed, 256 bytes/);

  const other = new Bench(cuda);
  const [x, y] = [other.memory(256), other.memory(256)];
  other.launch(other.kernel('faulty', 'reads_far'), [x, y], { threads: 64 });
  assert.throws(() => other.context.synchronize(other.stream), /kernel reads_far.*an access to/);
});

emulated('a device that is lost stays lost, and the others go on', (cuda) => {
  const bench = new Bench(cuda);
  errorOf(bench, { kernel: 'behind', code: ILLEGAL, message: /./ });
  assert.throws(() => bench.context.allocate(16, bench.stream), /ILLEGAL_ADDRESS/);
  assert.throws(() => bench.context.memoryInfo(), /ILLEGAL_ADDRESS/);
  const other = new Bench(cuda);
  const x = other.memory(new Float32Array([3]));
  other.launch(other.kernel('plain', 'times_two'), [x], { threads: 1 });
  assert.equal(other.floats(x, 1), [6]);
});

emulated('launches that no device takes are refused at once', (cuda) => {
  const bench = new Bench(cuda);
  const x = bench.memory(4096);
  const kernel = bench.kernel('plain', 'times_two');
  const refused = (body: () => void): void => assert.throws(body, /CUDA_ERROR_INVALID_VALUE/);
  refused(() => bench.launch(kernel, [x], { threads: 2 }));
  refused(() => bench.launch(kernel, [x, x], { threads: 1 }));
  refused(() => bench.launch(kernel, [x], { grid: 0, threads: 1 }));
  refused(() => bench.launch(kernel, [x], { threads: 1, shared: 50_000 }));
  bench.context.allowShared(kernel, 50_000);
  bench.launch(kernel, [x], { threads: 1, shared: 50_000 });
  refused(() => bench.context.allowShared(kernel, 164 * 1024));
  bench.context.synchronize(bench.stream);
  assert.throws(() => bench.kernel('plain', 'nobody'), /CUDA_ERROR_NOT_FOUND/);
  assert.throws(
    () => bench.context.loadModule(cuda.compile('', 'k.cu', ['-arch=sm_90a']).image),
    /CUDA_ERROR_NO_BINARY_FOR_GPU/,
  );
});

test.run();
