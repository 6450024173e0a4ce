/** Runs thread kernels and programs as WebAssembly on plain memory, with no device. */
import type { Caps } from '../../src/codegen/caps.ts';
import { renderProgram } from '../../src/codegen/wasm/program.ts';
import { LOW_BYTES } from '../../src/codegen/wasm/render.ts';
import { bytesOf } from '../../src/ir/dtype.ts';
import type { Program } from '../../src/ir/program.ts';
import type { ThreadKernel } from '../../src/ir/thread/thread.ts';

/** A program of one launch whose buffers are the kernel's globals. */
export const programOf = (kernel: ThreadKernel): Program => {
  const globals = kernel.buffers.filter((b) => b.space === 'global');
  return {
    name: kernel.name,
    buffers: globals.map((b) => ({
      name: b.name,
      dtype: b.dtype,
      shape: [b.elements],
      strides: [1],
      role: b.access === 'read' ? 'input' : b.access === 'write' ? 'output' : 'state',
      bytes: b.elements * bytesOf(b.dtype),
      offset: undefined,
      inPlaceOf: undefined,
      values: undefined,
    })),
    kernels: [kernel],
    steps: [{ kernel: 0, bindings: globals.map((_, i) => i), barrier: false }],
    arenaBytes: 0,
    lowerBoundBytes: 0,
  };
};

/**
 * Runs a kernel over copies of `contents` (bytes of each global buffer) and gives the bytes after it. Each buffer has a
 * guard behind it; writing there throws.
 */
export const runKernel = (
  kernel: ThreadKernel,
  caps: Caps,
  contents: readonly Uint8Array[],
): Uint8Array[] => {
  const module = renderProgram(programOf(kernel), caps, {
    shared: false,
    maximumPages: 65536,
    threads: 1,
  });
  if (!WebAssembly.validate(module.bytes as BufferSource))
    new WebAssembly.Module(module.bytes as BufferSource);
  const guard = 64;
  let at = LOW_BYTES + 4096;
  const starts = contents.map((c) => {
    const start = at;
    at = Math.ceil((at + c.byteLength + guard) / 64) * 64;
    return start;
  });
  const scratch = at;
  const pages = Math.ceil((at + module.scratchBytes + 64) / 65536) + 1;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: 65536 });
  const bytes = new Uint8Array(memory.buffer);
  const args = new Int32Array(memory.buffer, LOW_BYTES, contents.length);
  contents.forEach((c, i) => {
    bytes.fill(0xa5, starts[i]!, starts[i]! + c.byteLength + guard);
    bytes.set(c, starts[i]!);
    args[i] = starts[i]!;
  });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.bytes as BufferSource), {
    env: { memory },
  });
  (instance.exports['run'] as (args: number, scratch: number) => void)(LOW_BYTES, scratch);
  return contents.map((c, i) => {
    const end = starts[i]! + c.byteLength;
    if (bytes.subarray(end, end + guard).some((b) => b !== 0xa5))
      throw new Error(`${kernel.name} wrote behind buffer ${i}`);
    return bytes.slice(starts[i]!, end);
  });
};
