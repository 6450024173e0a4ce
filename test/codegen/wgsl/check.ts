/**
 * Runs a kernel as WGSL and holds it against the interpreter of Thread IR.
 *
 * Invariant: Tint accepts the text, with float16 arrays and without, whatever the device has.
 */
import * as assert from 'uvu/assert';
import { plainNames } from '../../../src/codegen/text/names.ts';
import { renderWgsl } from '../../../src/codegen/wgsl/render.ts';
import type { BufferPlace } from '../../../src/codegen/wgsl/shader.ts';
import type { DType } from '../../../src/ir/dtype.ts';
import * as b from '../../../src/ir/thread/build.ts';
import type { ThreadKernel } from '../../../src/ir/thread/thread.ts';
import { assertTint } from '../../support/tint.ts';
import { decode, encode } from '../../support/wasm.ts';
import { ownPlaces, runWgsl, testGpu } from '../../support/wgsl.ts';
import { buffer, interpreted, kernelOf, loop, SIZE } from '../kernel-cases.ts';

/** Whether arrays of float16 change the text. */
export const usesFloat16 = (kernel: ThreadKernel): boolean => {
  const places = ownPlaces(kernel);
  const [without, with16] = [false, true].map(
    (f16) =>
      renderWgsl(kernel, { places, features: { f16, subgroups: true }, names: plainNames }).code,
  );
  return without !== with16;
};

/** A device computes what the interpreter does, from either text if they differ (and it has float16), or from one. */
export const check = async (
  kernel: ThreadKernel,
  contents: readonly (readonly number[])[],
  places: readonly BufferPlace[] = ownPlaces(kernel),
  wanted: readonly boolean[] = [false, true],
): Promise<void> => {
  const gpu = await testGpu();
  const texts = new Map<string, boolean>();
  for (const f16 of [false, true]) {
    const features = { f16, subgroups: true };
    const shader = renderWgsl(kernel, { places, features, names: plainNames });
    await assertTint(shader);
    if (!texts.has(shader.code) && (!f16 || gpu?.features.f16)) texts.set(shader.code, f16);
  }
  if (gpu === undefined) return;
  const globals = kernel.buffers.filter((x) => x.space === 'global');
  const want = interpreted({ kernel, contents });
  const bytes = globals.map((g, i) => encode(g.dtype, contents[i]!));
  for (const f16 of texts.values()) {
    if (!wanted.includes(f16)) continue;
    const features = { ...gpu.features, f16 };
    const after = await runWgsl(gpu, kernel, bytes, { places, features });
    globals.forEach((g, i) => {
      assert.equal(decode(g.dtype, after[i]!), want[i], `${g.name}, f16 ${f16}`);
    });
  }
};

/** Twice an array, into another that has the same slot. */
export const doubled = (from: DType, to: DType, lanes: 1 | 4): ThreadKernel => {
  const x = buffer('x', 'read', SIZE, from);
  const y = buffer('y', 'write', SIZE, to);
  const two = b.constantOf(2, b.regType('f32', lanes));
  return kernelOf([x, y], () => [
    loop(
      'i',
      SIZE,
      (i) => [b.storeTo(y, i, b.convert(to, b.mul(b.loadFrom(x, i, lanes), two)))],
      lanes,
    ),
  ]);
};

export const ONE_SLOT: readonly BufferPlace[] = [0, 1].map(() => ({
  kind: 'storage',
  slot: 0,
  access: 'read_write',
}));
