/**
 * Program → shaders, and for each step what its bindings are.
 *
 * Invariant: buffers that are the same memory in a launch (a temporary in another's place) are one binding of it; what
 * is written, and all of the arena, is bound for reading and writing.
 */
import type { BufferRole, Dispatch, Program } from '../../ir/program.ts';
import { remember } from '../../ir/remember.ts';
import { type Bound, ScalarBlocks, Slots } from '../text/program.ts';
import { renderWgsl } from './render.ts';
import type {
  BoundRange,
  BufferPlace,
  DispatchShader,
  ProgramShaders,
  RenderOptions,
  Shader,
} from './shader.ts';

/** Where blocks of scalars start in the uniform buffer: fits any device. */
const BLOCK = 256;

/** Renders all of a program. */
export const renderProgram = (
  program: Program,
  options: Omit<RenderOptions, 'places'>,
): ProgramShaders => {
  const shaders: Shader[] = [];
  const byCode = new Map<string, number>();
  const rendered = new Map<string, Shader>();
  const uniform = new ScalarBlocks(program, BLOCK);
  const steps = program.steps.map((step): DispatchShader => {
    const { places, slots } = placesOf(program, step);
    const key = `${step.kernel}:${places.map((p) => (p.kind === 'scalar' ? 's' : `${p.slot}${p.access}`)).join()}`;
    const shader = remember(rendered, key, () =>
      renderWgsl(program.kernels[step.kernel]!, { ...options, places }),
    );
    const index = remember(byCode, shader.code, () => shaders.push(shader) - 1);
    const bindings = shader.bindings.map(({ binding, kind, bytes, buffers: own }): BoundRange => {
      if (kind === 'uniform') {
        const offset = uniform.block(own.map((i) => step.bindings[i]!));
        return { binding, kind, offset, bytes };
      }
      return { binding, kind, ...slots[binding]!, bytes };
    });
    return { shader: index, dispatch: shader.dispatch, bindings };
  });
  return { shaders, steps, scalars: uniform.slots, uniformBytes: uniform.bytes };
};

const accessOf = (role: Exclude<BufferRole, 'scalar'>): 'read' | 'read_write' => {
  switch (role) {
    case 'input':
    case 'constant':
      return 'read';
    case 'output':
    case 'state':
    case 'kept':
    case 'temp':
      return 'read_write';
    default:
      return role satisfies never;
  }
};

/** A place for each binding of a step, and what is in each slot. */
const placesOf = (
  program: Program,
  step: Dispatch,
): { readonly places: BufferPlace[]; readonly slots: readonly Bound[] } => {
  const slots = new Slots();
  const places = step.bindings.map((b, i): BufferPlace => {
    const { role } = program.buffers[b]!;
    if (role === 'scalar') return { kind: 'scalar' };
    return { kind: 'storage', slot: slots.of(program, step, i), access: accessOf(role) };
  });
  return { places, slots: slots.list };
};
