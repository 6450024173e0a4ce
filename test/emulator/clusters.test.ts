/** Blocks that run together, on a machine of capability 9.0. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';

process.env['TIGON_EMULATED_CAPABILITY'] = '90';
const { Bench, emulated, ORDERS, packed, under } = await import('./support.ts');

emulated('blocks of a cluster have their own places, shared memory and barriers', (cuda) => {
  const bench = new Bench(cuda);
  const { context, stream } = bench;
  assert.is(cuda.devices[0]!.capability, 90);
  const x = bench.memory(Float32Array.from({ length: 2048 }, (_, i) => Math.floor(i / 256)));
  const sums = bench.kernel('plain', 'row_sums');
  for (const order of ORDERS)
    under({ order }, () => {
      const out = bench.memory(32);
      const args = packed([{ address: x }, { address: out }]);
      context.launch(stream, sums, [8, 1, 1], 256, 32, args, 4);
      assert.equal(
        bench.floats(out, 8),
        Array.from({ length: 8 }, (_, row) => row * 256),
        order,
      );
    });
});

emulated('a grid that clusters do not divide is refused', (cuda) => {
  const bench = new Bench(cuda);
  const args = packed([{ address: bench.memory(4) }]);
  const kernel = bench.kernel('plain', 'times_two');
  assert.throws(
    () => bench.context.launch(bench.stream, kernel, [3, 1, 1], 1, 0, args, 2),
    /CUDA_ERROR_INVALID_VALUE/,
  );
});

emulated('a mistake in one block names that block', (cuda) => {
  const bench = new Bench(cuda);
  const args = packed([{ address: bench.memory(4096) }]);
  const kernel = bench.kernel('faulty', 'half_barrier');
  bench.context.launch(bench.stream, kernel, [4, 1, 1], 64, 0, args, 2);
  assert.throws(
    () => bench.context.synchronize(bench.stream),
    /block \(0, 0, 0\).*32 others wait at the barrier/,
  );
});

emulated('images are for one architecture', (cuda) => {
  const { context } = new Bench(cuda);
  const image = (architecture: string): Uint8Array =>
    cuda.compile('', 'k.cu', [`--gpu-architecture=${architecture}`]).image;
  for (const one of ['sm_90', 'sm_90a', 'compute_80']) context.loadModule(image(one));
  assert.throws(() => context.loadModule(image('sm_80')), /CUDA_ERROR_NO_BINARY_FOR_GPU/);
});

test.run();
