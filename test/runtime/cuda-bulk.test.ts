/**
 * Products of 16-bit arrays on a device of compute capability 9.0: launches that are given tensor maps, alone and in
 * graphs, on arrays that change.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { provideEmulator } from '../machine/emulator.ts';

process.env['TIGON_EMULATED_CAPABILITY'] = '90';
const { device, explain, hybridize, nd } = await import('../../src/index.ts');
type NDArray = InstanceType<typeof nd.NDArray>;
type Device = Awaited<ReturnType<typeof device.cuda>>;

/** A card, or what stands in for one. */
const opening = async (): Promise<Device | undefined> => {
  const card = await device.cuda().catch(() => undefined);
  if (card !== undefined) return card;
  const emulator = provideEmulator();
  if (typeof emulator === 'string') {
    console.log(`skipped: ${emulator}`);
    return undefined;
  }
  Object.assign(process.env, emulator.env);
  return device.cuda();
};
let opened: Promise<Device | undefined> | undefined;
const open = (): Promise<Device | undefined> => {
  opened ??= opening();
  return opened;
};

/** Small multiples of 1/8: sums of their products are exact. */
const array = (shape: readonly number[], seed: number, on: Device): NDArray => {
  const size = shape.reduce((a, b) => a * b, 1);
  const values = Float32Array.from({ length: size }, (_, i) => (((i + seed) * 7) % 17) / 8 - 1);
  return nd.array(values, { device: on }).reshape(shape).astype('bfloat16');
};

const values = async (x: NDArray): Promise<number[]> => [
  ...((await x.astype('float32').data()) as Float32Array),
];

/** The same on the device and on the CPU. */
const same = async (compute: (on: Device) => NDArray[]): Promise<void> => {
  const cuda = await open();
  if (cuda === undefined) return;
  const want = compute((await device.cpu()) as unknown as Device);
  const got = compute(cuda);
  for (const [i, x] of got.entries()) assert.equal(await values(x), await values(want[i]!));
};

test('a product, alone', () =>
  same((on) => [array([72, 136], 1, on).matmul(array([136, 40], 2, on))]));

test('transposed operands', () =>
  same((on) => [
    array([136, 72], 1, on).T.matmul(array([136, 40], 2, on)),
    array([72, 136], 1, on).matmul(array([40, 136], 2, on).T),
    array([136, 72], 1, on).T.matmul(array([40, 136], 2, on).T),
  ]));

test('parts of arrays, that begin anywhere', () =>
  same((on) => [
    array([80, 160], 1, on)
      .slice([3, 75], [1, 137])
      .matmul(array([200, 264], 2, on).slice([5, 141], [8, 264])),
  ]));

test('two products as a graph, on arrays that change', async () => {
  const f = hybridize((x: NDArray, v: NDArray, w: NDArray) => x.matmul(v).relu().matmul(w));
  await same((on) =>
    [1, 2, 3, 1].map((seed) =>
      f(array([72, 64], seed, on), array([64, 72], seed + 1, on), array([72, 16], 2, on)),
    ),
  );
  const cuda = await open();
  if (cuda?.caps.tensorCores !== 'sm90a') return;
  // of its last trace, which was on the device
  const text = String(explain(f));
  assert.is(text.match(/contraction of whole tiles/g)?.length, 2);
});

test.run();
