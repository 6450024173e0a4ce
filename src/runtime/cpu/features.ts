/**
 * What this engine can do, found by validating tiny modules.
 *
 * Invariant: probed once, at the first device; on Node 20 probing turns relaxed SIMD on for the whole process.
 */
import * as platform from '#platform';
import { encodeModule } from '../../codegen/wasm/encode.ts';
import { get, op, type WasmFunction } from '../../codegen/wasm/tree.ts';

const probe = (relaxed: boolean): boolean => {
  const x = { name: 'x', type: 'v128', index: 0 } as const;
  const body = relaxed
    ? op('f32x4.relaxed_madd', get(x), get(x), get(x))
    : op('f32x4.add', get(x), get(x));
  const f: WasmFunction = {
    name: 'probe',
    params: [x],
    locals: [],
    result: 'v128',
    body: [body],
    notes: [],
    exported: false,
  };
  const bytes = encodeModule([f], { shared: false, maximumPages: 1 });
  return WebAssembly.validate(bytes as BufferSource);
};

let fused: boolean | undefined;

/** Whether multiply-add can be one instruction here. */
export const hasRelaxedSimd = (): boolean => {
  if (fused === undefined) {
    fused = probe(true);
    if (!fused) {
      platform.enableRelaxedSimd();
      fused = probe(true);
    }
  }
  return fused;
};

/** Whether the engine has 128-bit SIMD, without which nothing here runs. */
export const hasSimd = (): boolean => probe(false);
