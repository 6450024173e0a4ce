/** Copies to and from a device that is far behind. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Counters, freshCounters } from '../../../src/runtime/cuda/counters.ts';
import { PinnedPool } from '../../../src/runtime/cuda/pinned.ts';
import { Readback } from '../../../src/runtime/cuda/readback.ts';
import { Staging } from '../../../src/runtime/cuda/staging.ts';
import { type SlowContext, slowContext } from './slow-context.ts';

interface Copies {
  readonly slow: SlowContext;
  readonly counters: Counters;
  readonly staging: Staging;
  readonly readback: Readback;
  readonly memory: number;
}

const MB = 2 ** 20;

const copies = (bytes: number): Copies => {
  const slow = slowContext();
  const { context } = slow;
  const counters = freshCounters();
  const stream = context.stream();
  const pool = new PinnedPool(context, counters);
  return {
    slow,
    counters,
    staging: new Staging(context, stream, pool, counters),
    readback: new Readback(context, stream, pool, counters),
    memory: context.allocate(bytes, stream),
  };
};

const numbers = (...values: number[]): Uint8Array => Uint8Array.from(values);

test('numbers of later calls never overwrite those that the device has yet to read', async () => {
  const { slow, staging, readback, memory, counters } = copies(16);
  const results: Promise<Uint8Array>[] = [];
  for (let i = 0; i < 20_000; i++) {
    staging.write(memory, numbers(i, i >> 8));
    if (i % 1000 === 999) results.push(readback.read(memory, 2));
  }
  assert.ok(slow.waiting >= 20_000, 'nothing was waited for');
  await Promise.resolve();
  slow.run();
  const got = await Promise.all(results);
  assert.equal(
    got.map(([low, high]) => low! + 256 * high!),
    results.map((_, i) => 1000 * i + 999),
  );
  const { pinned } = counters;
  for (let i = 0; i < 20_000; i++) {
    staging.write(memory, numbers(i));
    slow.run();
  }
  assert.is(counters.pinned, pinned, 'buffers are used again');
});

test('long arrays go in pieces, and wait when too much is on its way', () => {
  const size = 300 * MB;
  const { slow, staging, memory, counters } = copies(size);
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i += 4099) bytes[i] = i % 251;
  staging.write(memory, bytes);
  assert.ok(staging.waitingBytes <= 144 * MB, `${staging.waitingBytes} wait`);
  bytes.fill(255, size - 100);
  slow.run();
  const got = slow.at(memory, size);
  for (let i = 0; i < size - 100; i += 4099) if (got[i] !== i % 251) assert.unreachable(`${i}`);
  assert.is(got[size - 1], 0, 'what the caller changes afterwards is not sent');
  staging.collect();
  assert.is(staging.waitingBytes, 0);
  assert.is(counters.uploadedBytes, size);
});

test('reads see memory as it is in their turn, and small ones share a buffer', async () => {
  const { slow, staging, readback, memory, counters } = copies(MB);
  staging.write(memory, numbers(1, 2, 3));
  const first = readback.read(memory, 3);
  staging.write(memory + 1, numbers(7));
  const second = readback.read(memory + 1, 1);
  const large = readback.read(memory, MB);
  const before = counters.pinned;
  await Promise.resolve();
  slow.run();
  assert.equal([...(await first)], [1, 2, 3]);
  assert.equal([...(await second)], [7]);
  assert.equal([...(await large).subarray(0, 3)], [1, 7, 3]);
  assert.is(before, 3, 'one for what is sent, one for small reads, one for the large one');
  const again = readback.read(memory, 3);
  await Promise.resolve();
  slow.run();
  await again;
  assert.is(counters.pinned, before);
});

test.run();
