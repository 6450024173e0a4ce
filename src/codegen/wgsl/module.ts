/**
 * The variables of a shader at module scope: storage, the block of scalars, shared memory; and how they are bound.
 *
 * Invariant: bindings are the storage slots in order, then the block of scalars if there is one, all in group 0.
 */
import { bytesOf } from '../../ir/dtype.ts';
import { invariant } from '../../ir/errors.ts';
import { registerOf, type ThreadBuffer, type ThreadKernel } from '../../ir/thread/thread.ts';
import type { Alignment } from '../text/alignment.ts';
import type { Identifiers } from '../text/names.ts';
import type { Uses } from '../text/uses.ts';
import { elementType, layoutOf } from './layout.ts';
import type { Variable } from './memory.ts';
import type { BufferPlace, RenderOptions, ShaderBinding } from './shader.ts';

export interface ModuleScope {
  /** Paragraphs of text. */
  readonly declarations: readonly string[];
  readonly bindings: readonly ShaderBinding[];
  /** Where buffers are, scalars aside. */
  readonly variables: ReadonlyMap<ThreadBuffer, Variable>;
  /** Scalars by their field of the uniform block. */
  readonly fields: ReadonlyMap<ThreadBuffer, string>;
  /** Whether there are arrays of f16. */
  readonly halves: boolean;
}

/** Global buffers that are one memory, by their place among the kernel's. */
interface Slot {
  readonly access: 'read' | 'read_write';
  readonly buffers: number[];
}

const slotsOf = (places: readonly BufferPlace[], globals: readonly ThreadBuffer[]): Slot[] => {
  const slots: Slot[] = [];
  places.forEach((place, i) => {
    if (place.kind === 'scalar') return;
    const slot = slots[place.slot] ?? { access: place.access, buffers: [] };
    slots[place.slot] = slot;
    invariant(slot.access === place.access, 'buffers in one slot have one access');
    invariant(
      place.access === 'read_write' || globals[i]!.access === 'read',
      `${globals[i]!.name} is written, so its slot is`,
    );
    slot.buffers.push(i);
  });
  return slots;
};

export const moduleScope = (
  kernel: ThreadKernel,
  options: RenderOptions,
  uses: Uses,
  alignment: Alignment,
  names: Identifiers,
): ModuleScope => {
  const { places, features } = options;
  const globals = kernel.buffers.filter((b) => b.space === 'global');
  invariant(places.length === globals.length, 'every global buffer has a place');
  const nameOf = (buffer: ThreadBuffer, position: number): string =>
    names.of(buffer, options.names.own ? buffer.name : `b${position}`);
  const variables = new Map<ThreadBuffer, Variable>();
  const fields = new Map<ThreadBuffer, string>();

  const slots = slotsOf(places, globals);
  const storage = slots.map(({ access, buffers }, binding) => {
    const own = buffers.map((i) => globals[i]!);
    const layout = layoutOf(own, uses.all, alignment, features);
    const name = nameOf(own[0]!, binding);
    for (const b of own) variables.set(b, { name, layout });
    return `@group(0) @binding(${binding}) var<storage, ${access}> ${name}: array<${elementType(layout)}>;`;
  });
  const bindings = slots.map(({ access, buffers }, binding): ShaderBinding => {
    const bytes = buffers.map((i) => globals[i]!.elements * bytesOf(globals[i]!.dtype));
    return {
      binding,
      kind: access === 'read' ? 'read-only-storage' : 'storage',
      buffers,
      bytes: Math.max(16, Math.ceil(Math.max(...bytes) / 16) * 16),
    };
  });

  const scalars = places.flatMap((place, i) => (place.kind === 'scalar' ? [i] : []));
  const block = scalars.map((i) => {
    const buffer = globals[i]!;
    const field = nameOf(buffer, i);
    fields.set(buffer, field);
    const elem = registerOf(buffer.dtype);
    return `  ${field}: ${elem === 'bool' ? 'u32' : elem},`;
  });
  const uniform = [
    ...['struct Args {', ...block, '}'],
    `@group(0) @binding(${slots.length}) var<uniform> args: Args;`,
  ];
  if (scalars.length > 0)
    bindings.push({
      binding: slots.length,
      kind: 'uniform',
      buffers: scalars,
      bytes: Math.ceil(scalars.length / 4) * 16,
    });

  const shared = kernel.buffers.flatMap((b) => {
    if (b.space !== 'shared') return [];
    const layout = layoutOf([b], uses.all, alignment, features);
    const name = names.of(b, b.name);
    variables.set(b, { name, layout });
    const count = Math.max(1, layout.kind === 'vectors' ? Math.ceil(b.elements / 4) : b.elements);
    return [`var<workgroup> ${name}: array<${elementType(layout)}, ${count}>;`];
  });

  const paragraphs = [scalars.length > 0 ? uniform : [], storage, shared];
  return {
    declarations: paragraphs.flatMap((lines) => (lines.length > 0 ? [lines.join('\n')] : [])),
    bindings,
    variables,
    fields,
    halves: [...variables.values()].some(({ layout }) => 'elem' in layout && layout.elem === 'f16'),
  };
};
