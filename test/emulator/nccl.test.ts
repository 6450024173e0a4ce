/** Collective calls among emulated devices. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Handle, NativeNccl, NcclElement } from '../../src/runtime/native/api.ts';
import { Bench, emulated } from './support.ts';

interface Team {
  readonly nccl: NativeNccl;
  readonly benches: readonly Bench[];
  readonly communicators: readonly Handle[];
}

const team = async (
  cuda: Parameters<Parameters<typeof emulated>[1]>[0],
  ranks: number,
): Promise<Team> => {
  const nccl = await cuda.openNccl();
  const benches = Array.from({ length: ranks }, () => new Bench(cuda));
  const communicators = await nccl.communicators(benches.map((b) => b.context));
  return { nccl, benches, communicators };
};

/** Sums what each rank has, in place, and gives what each has then. */
const summed = (
  { nccl, benches, communicators }: Team,
  parts: readonly (Float32Array | Float64Array | Uint16Array)[],
  element: NcclElement,
): readonly ArrayBuffer[] => {
  const memory = benches.map((bench, i) => bench.memory(parts[i]!));
  nccl.group(() => {
    benches.forEach(({ stream }, i) => {
      nccl.allReduce(
        communicators[i]!,
        stream,
        memory[i]!,
        memory[i]!,
        parts[i]!.length,
        element,
        'add',
      );
    });
  });
  return benches.map((bench, i) => bench.read(memory[i]!, parts[i]!.byteLength));
};

emulated('a sum over three devices, in their streams', async (cuda) => {
  const all = await team(cuda, 3);
  const parts = [1, 10, 100].map((value) => new Float32Array([value, 2 * value]));
  for (const result of summed(all, parts, 'float32'))
    assert.equal([...new Float32Array(result)], [111, 222]);
});

emulated('sums of halves, doubles and bfloats round to their type', async (cuda) => {
  const all = await team(cuda, 2);
  // 2048 + 1 is no half, 256 + 1 is no bfloat
  const halves = [new Uint16Array([0x3c00, 0x6800]), new Uint16Array([0x4000, 0x3c00])];
  for (const result of summed(all, halves, 'float16'))
    assert.equal([...new Uint16Array(result)], [0x4200, 0x6800]);
  const doubles = [Float64Array.of(1, 1e300), Float64Array.of(1e-15, 1e300)];
  for (const result of summed(all, doubles, 'float64'))
    assert.equal([...new Float64Array(result)], [1 + 1e-15, 2e300]);
  const bfloats = [new Uint16Array([0x3f80, 0x4380]), new Uint16Array([0x4000, 0x3f80])];
  for (const result of summed(all, bfloats, 'bfloat16'))
    assert.equal([...new Uint16Array(result)], [0x4040, 0x4380]);
});

emulated('a broadcast', async (cuda) => {
  const { nccl, benches, communicators } = await team(cuda, 2);
  const memory = benches.map((bench, i) => bench.memory(new Float32Array([i + 1])));
  nccl.group(() => {
    benches.forEach(({ stream }, i) => {
      nccl.broadcast(communicators[i]!, stream, memory[i]!, memory[i]!, 1, 'float32', 1);
    });
  });
  for (const [i, bench] of benches.entries()) assert.equal(bench.floats(memory[i]!, 1), [2]);
});

emulated('what would wait for ever is an error', async (cuda) => {
  const { nccl, benches, communicators } = await team(cuda, 2);
  const [bench] = benches as [Bench, Bench];
  const x = bench.memory(new Float32Array([1]));
  const call = (): void =>
    nccl.allReduce(communicators[0]!, bench.stream, x, x, 1, 'float32', 'add');
  assert.throws(call, /ncclInvalidUsage/, 'one thread that serves several ranks groups its calls');
  nccl.group(call);
  assert.throws(() => bench.context.synchronize(bench.stream), /1 of 2 ranks did not make/);
});

emulated('ranks that find each other by an id', async (cuda) => {
  const nccl = await cuda.openNccl();
  const id = nccl.uniqueId();
  const benches = [new Bench(cuda), new Bench(cuda)];
  const communicators = await Promise.all(
    benches.map(({ context }, rank) => nccl.communicator(context, id, rank, 2)),
  );
  const parts = [new Float32Array([1]), new Float32Array([2])];
  for (const result of summed({ nccl, benches, communicators }, parts, 'float32'))
    assert.equal([...new Float32Array(result)], [3]);
});

test.run();
