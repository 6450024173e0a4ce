/** Memory, copies, streams and events of the add-on, on a device that does nothing before somebody waits for it. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { NativeError } from '../../src/runtime/native/api.ts';
import { failure } from '../support/processes.ts';
import { misbehave, onFake, readBack } from './native-fake/libraries.ts';

const nativeFailure = async (f: () => unknown): Promise<NativeError> => {
  const error: unknown = await failure(f);
  assert.instance(error, NativeError);
  return error as NativeError;
};

onFake('bytes of ordinary memory were read when upload returns', (context) => {
  const stream = context.stream();
  const to = context.allocate(16, stream);
  const from = Int32Array.of(1, 2, 3, 4);
  context.upload(stream, to, from, 16);
  from.fill(9);
  assert.equal([...readBack(context, to, 4)], [1, 2, 3, 4]);
});

onFake('bytes of pinned memory are read when the stream gets there', (context) => {
  const to = context.allocate(8, 0);
  const { bytes } = context.pin(8);
  const from = new Int32Array(bytes);
  from.set([1, 2]);
  context.upload(0, to, from, 8);
  from.set([3, 4]);
  assert.equal([...readBack(context, to, 2)], [3, 4]);
});

onFake('more than the ring of pinned memory holds, in pieces of all sizes', (context) => {
  const sizes = [5 << 20, 3, (16 << 20) + 4096, 256, 2 << 20, (7 << 20) + 1];
  const stream = context.stream();
  const uploads = sizes.map((bytes, i) => {
    const from = new Uint8Array(bytes + (bytes % 4)).fill(i + 1);
    from[bytes - 1] = 77;
    const to = context.allocate(from.length + 4, stream);
    context.upload(stream, to, from.subarray(0, bytes), bytes);
    const expected = Buffer.from(from);
    from.fill(0);
    return { to, bytes, expected };
  });
  for (const { to, bytes, expected } of uploads) {
    const { pointer, bytes: pinned } = context.pin(bytes);
    context.download(stream, pointer, to, bytes);
    context.synchronize(stream);
    assert.is(Buffer.compare(Buffer.from(pinned), expected.subarray(0, bytes)), 0);
    context.unpin(pointer);
  }
});

onFake('uploads take any view, over shared memory too', (context) => {
  const shared = new Uint8Array(new SharedArrayBuffer(8), 2, 4);
  shared.set([1, 2, 3, 4]);
  const to = context.allocate(8, 0);
  context.upload(0, to, shared, 4);
  context.upload(0, to + 4, new DataView(Uint8Array.of(0, 5, 6, 7, 8).buffer, 1), 4);
  const words = new Uint8Array(readBack(context, to, 2).buffer);
  assert.equal([...words], [1, 2, 3, 4, 5, 6, 7, 8]);
});

onFake('fill, copy', (context) => {
  const [a, b] = [context.allocate(16, 0), context.allocate(16, 0)];
  context.fill(0, a, 0, 16);
  context.fill(0, a + 4, 255, 8);
  context.copy(0, b, a, 16);
  assert.equal([...readBack(context, b, 4)], [0, -1, -1, 0]);
});

onFake('copies between devices', (context, cuda) => {
  const other = cuda.open(1);
  const [a, b] = [context.allocate(4, 0), other.allocate(4, 0)];
  context.upload(0, a, Int32Array.of(42), 4);
  context.copyPeer(0, b, other, a, 4);
  assert.equal([...readBack(other, b, 1)], [42]);
  other.close();
});

onFake('memory that is unpinned has no bytes left in JavaScript', (context) => {
  const { pointer, bytes } = context.pin(64);
  const view = new Uint8Array(bytes);
  context.unpin(pointer);
  assert.is(bytes.byteLength, 0);
  assert.is(view[0], undefined);
});

onFake('closing unpins as well', (_, cuda) => {
  const context = cuda.open(0);
  const { bytes } = context.pin(64);
  context.close();
  context.close();
  assert.is(bytes.byteLength, 0);
});

onFake('no memory left: the code, what the driver says, what helps', async (context) => {
  const error = await nativeFailure(() => context.allocate(2 ** 40, 0));
  assert.is(error.code, 'CUDA_ERROR_OUT_OF_MEMORY');
  assert.is(error.call, 'cuMemAllocAsync');
  assert.not(error.fatal);
  assert.match(
    error.message,
    /^cuMemAllocAsync: text of the driver \(CUDA_ERROR_OUT_OF_MEMORY\)\n {2}help: the device has no room/,
  );
  assert.type(context.allocate(16, 0), 'number');
});

onFake('what JavaScript gets wrong is refused, and nothing happens', async (context) => {
  const to = context.allocate(16, 0);
  const stream = context.stream();
  const { pointer } = context.pin(16);
  const cases: readonly [() => unknown, string, RegExp][] = [
    [
      () => context.allocate(-1, 0),
      'CUDA_ERROR_INVALID_VALUE',
      /argument 1 is -1, not an integer ≥ 0/,
    ],
    [() => context.allocate(1.5, 0), 'CUDA_ERROR_INVALID_VALUE', /1\.5/],
    [() => context.allocate(Number.NaN, 0), 'CUDA_ERROR_INVALID_VALUE', /NaN/],
    [
      () => context.upload(0, to, new Uint8Array(3), 4),
      'CUDA_ERROR_INVALID_VALUE',
      /4 bytes from a view of 3/,
    ],
    [
      () => context.upload(0, to, 'x' as unknown as Uint8Array, 1),
      'CUDA_ERROR_INVALID_VALUE',
      /no view of bytes/,
    ],
    [() => context.download(0, pointer, to, 17), 'CUDA_ERROR_INVALID_VALUE', /not past its end/],
    [
      () => context.download(0, to, to, 4),
      'CUDA_ERROR_INVALID_VALUE',
      /downloads go to pinned memory/,
    ],
    [() => context.unpin(to), 'CUDA_ERROR_INVALID_VALUE', /no pinned memory/],
    [() => context.synchronize(stream + 1), 'CUDA_ERROR_INVALID_HANDLE', /no such stream/],
    [() => context.synchronize(0.5), 'CUDA_ERROR_INVALID_HANDLE', /no such stream/],
    [() => context.elapsed(stream, stream + 2 ** 40), 'CUDA_ERROR_INVALID_HANDLE', /no such event/],
  ];
  for (const [body, code, message] of cases) {
    const error = await nativeFailure(body);
    assert.is(error.code, code);
    assert.match(error.message, message);
  }
});

onFake('what was destroyed is refused, also when its place was taken', async (context, cuda) => {
  const stream = context.stream();
  context.destroyStream(stream);
  const next = context.stream();
  assert.is.not(next, stream);
  const gone = await nativeFailure(() => context.synchronize(stream));
  assert.match(gone.message, 'there is no such stream (any longer) (CUDA_ERROR_INVALID_HANDLE)');
  await nativeFailure(() => context.destroyStream(stream));
  context.synchronize(next);

  const other = cuda.open(1);
  const foreign = await nativeFailure(() => other.synchronize(next));
  assert.is(foreign.code, 'CUDA_ERROR_INVALID_CONTEXT');
  other.close();
  const closed = await nativeFailure(() => other.allocate(4, 0));
  assert.is(closed.code, 'CUDA_ERROR_CONTEXT_IS_DESTROYED');
  await nativeFailure(() => context.copyPeer(0, 0, other, 0, 4));
});

onFake('streams and events say whether they are done', (context) => {
  const stream = context.stream();
  const event = context.event(false);
  assert.ok(context.ready(stream));
  const to = context.allocate(4, stream);
  context.fill(stream, to, 1, 4);
  context.record(event, stream);
  assert.not(context.ready(stream));
  assert.not(context.eventReady(event));
  context.wait(0, event);
  context.synchronize(stream);
  assert.ok(context.ready(stream));
  assert.ok(context.eventReady(event));
});

onFake('waiting leaves JavaScript to go on', async (context) => {
  const stream = context.stream();
  const to = context.allocate(4, stream);
  context.fill(stream, to, 1, 4);
  const event = context.event(true);
  context.record(event, stream);
  misbehave('two slow');
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  await Promise.all([context.synchronizeAsync(stream), context.eventAsync(event)]);
  clearInterval(timer);
  assert.ok(ticks > 5, `${ticks} ticks`);
  assert.ok(context.eventReady(event));
  assert.is(context.elapsed(event, event), 1.5);
});

onFake(
  'an event may be destroyed, and the context closed, while somebody waits',
  async (_, cuda) => {
    const context = cuda.open(0);
    const stream = context.stream();
    context.fill(stream, context.allocate(4, stream), 1, 4);
    const event = context.event(false);
    context.record(event, stream);
    misbehave('two slow');
    const waits = [context.eventAsync(event), context.synchronizeAsync(stream)];
    context.destroyEvent(event);
    context.close();
    await Promise.all(waits);
  },
);

onFake('memoryInfo', (context) => {
  assert.equal(context.memoryInfo(), { free: 7, total: 8 });
});

onFake('a device without pools allocates by other means', (_, cuda) => {
  misbehave('two no-pools');
  const context = cuda.open(0);
  const address = context.allocate(16, 0);
  context.fill(0, address, 1, 16);
  context.trim(0);
  context.free(address, 0);
  context.close();
});

test.run();
