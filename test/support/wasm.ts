/** Runs thread kernels and programs as WebAssembly on plain memory, with no device. */
import type { Caps } from '../../src/codegen/caps.ts';
import { LOW_BYTES } from '../../src/codegen/wasm/layout.ts';
import { renderProgram } from '../../src/codegen/wasm/program.ts';
import { fromBfloatBits } from '../../src/ir/bfloat.ts';
import { bytesOf, type DType } from '../../src/ir/dtype.ts';
import type { Program, ProgramBuffer } from '../../src/ir/program.ts';
import {
  forOf,
  get,
  i32,
  loadFrom,
  operate,
  add as plus,
  register,
  regType,
  storeTo,
  mul as times,
} from '../../src/ir/thread/build.ts';
import type { TExpr, ThreadBuffer, ThreadKernel } from '../../src/ir/thread/thread.ts';
import { encodeElements } from '../../src/runtime/elements.ts';

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
    loops: [],
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

/** Applies an expression of one to four vectors to arrays whose length is a multiple of four. */
export const mapFloats = (
  f: (...x: TExpr[]) => TExpr,
  inputs: readonly Float32Array[],
  caps: Caps,
): Float32Array => {
  const elements = inputs[0]!.length;
  const buffer = (name: string, access: ThreadBuffer['access']): ThreadBuffer => ({
    name,
    dtype: 'float32',
    space: 'global',
    access,
    elements,
  });
  const reads = inputs.map((_, i) => buffer(`x${i}`, 'read'));
  const out = buffer('out', 'write');
  const i = register('i', regType('i32'));
  const value = f(...reads.map((b) => loadFrom(b, get(i), 4)));
  const kernel: ThreadKernel = {
    name: 'map',
    buffers: [...reads, out],
    workgroup: register('group', regType('i32')),
    local: register('local', regType('i32')),
    grid: 1,
    threads: 1,
    body: [forOf(i, i32(0), i32(elements), 4, [storeTo(out, get(i), value)])],
    cost: { flops: elements, bytes: elements },
    notes: [],
  };
  const contents = [...inputs.map(bytesIn), new Uint8Array(4 * elements)];
  return new Float32Array(runKernel(kernel, caps, contents).at(-1)!.buffer);
};

const bytesIn = (x: Float32Array): Uint8Array =>
  new Uint8Array(x.buffer, x.byteOffset, x.byteLength);

/** Numbers as the bytes of a dtype. */
export const encode: typeof encodeElements = encodeElements;

/** Bytes as numbers. */
export const decode = (dtype: DType, bytes: Uint8Array): number[] => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / bytesOf(dtype) }, (_, i) => {
    switch (dtype) {
      case 'float32':
        return view.getFloat32(4 * i, true);
      case 'int32':
        return view.getInt32(4 * i, true);
      case 'uint32':
        return view.getUint32(4 * i, true);
      case 'float16':
        return fromHalf(view.getUint16(2 * i, true));
      case 'bfloat16':
        return fromBfloatBits(view.getUint16(2 * i, true));
      case 'float64':
        return view.getFloat64(8 * i, true);
      case 'int64':
        return Number(view.getBigInt64(8 * i, true));
      case 'uint64':
        return Number(view.getBigUint64(8 * i, true));
      case 'int16':
        return view.getInt16(2 * i, true);
      case 'uint16':
        return view.getUint16(2 * i, true);
      case 'int8':
        return view.getInt8(i);
      case 'uint8':
      case 'bool':
        return bytes[i]!;
      default:
        return dtype satisfies never;
    }
  });
};

const fromHalf = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0
    ? sign * fraction * 2 ** -24
    : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
};

/**
 * A program of `steps` launches of `grid` workgroups with `columns` numbers each: input → temps → output; each launch
 * reads across the workgroups of the one before, adds a scalar and takes a sine.
 */
export const chainProgram = (steps: number, columns: number, grid: number): Program => {
  const elements = columns * grid;
  const buffers: ProgramBuffer[] = [];
  const add = (name: string, role: ProgramBuffer['role'], size: number, offset?: number): number =>
    buffers.push({
      name,
      dtype: 'float32',
      shape: [size],
      strides: [1],
      role,
      bytes: 4 * size,
      offset,
      inPlaceOf: undefined,
      values: role === 'constant' ? Array.from({ length: size }, (_, i) => i / size) : undefined,
    }) - 1;
  const input = add('input', 'input', elements);
  const temps = [0, 1].map((t) => add(`temp${t}`, 'temp', elements, 4 * elements * t));
  const table = add('table', 'constant', columns);
  const scalar = add('bias', 'scalar', 1);
  const output = add('output', 'output', elements);

  const x: ThreadBuffer = {
    name: 'x',
    dtype: 'float32',
    space: 'global',
    access: 'read',
    elements,
  };
  const c: ThreadBuffer = { ...x, name: 'c', elements: columns };
  const bias: ThreadBuffer = { ...x, name: 'bias', elements: 1 };
  const y: ThreadBuffer = { ...x, name: 'y', access: 'write' };
  const group = register('group', regType('i32'));
  const i = register('i', regType('i32'));
  const across = plus(times(get(i), i32(grid)), get(group));
  const sum = plus(plus(loadFrom(x, across), loadFrom(c, get(i))), loadFrom(bias, i32(0)));
  const at = plus(times(get(group), i32(columns)), get(i));
  const kernel: ThreadKernel = {
    name: 'step',
    buffers: [x, c, bias, y],
    workgroup: group,
    local: register('local', regType('i32')),
    grid,
    threads: 1,
    body: [forOf(i, i32(0), i32(columns), 1, [storeTo(y, at, operate('sin', sum))])],
    cost: { flops: 20 * elements, bytes: 8 * elements },
    notes: [],
  };
  return {
    name: 'chain',
    buffers,
    kernels: [kernel],
    steps: Array.from({ length: steps }, (_, s) => ({
      kernel: 0,
      bindings: [
        s === 0 ? input : temps[(s - 1) % 2]!,
        table,
        scalar,
        s === steps - 1 ? output : temps[s % 2]!,
      ],
      barrier: s > 0,
    })),
    loops: [],
    arenaBytes: 8 * elements,
    lowerBoundBytes: 8 * elements,
  };
};
