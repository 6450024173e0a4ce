/**
 * What a program is given by devices that keep its memory apart from ours: arrays and numbers at each call, constants
 * when it is loaded.
 *
 * Invariant: all devices refuse arrays in the same words.
 */
import { invariant, TigonError } from '../ir/errors.ts';
import { type BufferRole, externals, type Program } from '../ir/program.ts';
import type { Device, Storage } from './device.ts';
import { encodeElements } from './elements.ts';

/** A buffer bound at each call. */
export interface External {
  readonly name: string;
  readonly role: BufferRole;
  readonly bytes: number;
  /** Whether the program writes it. */
  readonly written: boolean;
}

interface Operands {
  /** Arrays of a call, as buffers of the program. */
  readonly bound: readonly number[];
  readonly externals: readonly External[];
  /** Numbers of a call. */
  readonly scalars: readonly number[];
}

export const operandsOf = (program: Program): Operands => {
  const order = externals(program);
  const isScalar = (b: number): boolean => program.buffers[b]!.role === 'scalar';
  const bound = order.filter((b) => !isScalar(b));
  return {
    bound,
    externals: bound.map((b) => {
      const { name, role, bytes } = program.buffers[b]!;
      return { name, role, bytes, written: role === 'state' || role === 'output' };
    }),
    scalars: order.filter(isScalar),
  };
};

interface Constants {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where each buffer's begin. */
  readonly offsets: ReadonlyMap<number, number>;
}

/** All constants in one block, at multiples of `alignment`; undefined if there are none. */
export const constantsOf = ({ buffers }: Program, alignment: number): Constants | undefined => {
  const offsets = new Map<number, number>();
  let end = 0;
  buffers.forEach((b, i) => {
    if (b.role !== 'constant') return;
    offsets.set(i, end);
    end += Math.ceil(Math.max(b.bytes, 1) / alignment) * alignment;
  });
  if (end === 0) return undefined;
  const bytes = new Uint8Array(end);
  for (const [i, offset] of offsets) {
    const { name, dtype, values } = buffers[i]!;
    invariant(values !== undefined, `constant ${name} has values`);
    bytes.set(encodeElements(dtype, values), offset);
  }
  return { bytes, offsets };
};

type Named = Pick<External, 'name' | 'role'>;

export const freedOperand = (program: Program, { name, role }: Named): TigonError =>
  new TigonError(
    'freed',
    `${program.name}: ${role} ${name} was freed before this call`,
    'do not use an array after dispose() or after its `using` block; keep a copy if you need it later',
  );

/** `own`: the device that the program is on. */
export const foreignOperand = (
  program: Program,
  { name, role }: Named,
  { device }: Storage,
  own: Device,
): TigonError => {
  const where = device.name === own.name ? 'an older opening of this device' : device.name;
  return new TigonError(
    'device',
    `${program.name}: ${role} ${name} lives on ${where}, the program on ${own.name}`,
    'make all operands on one device',
  );
};

export const disposedProgram = ({ name }: Program): TigonError =>
  new TigonError('freed', `${name}: the program was disposed`, 'load it again');
