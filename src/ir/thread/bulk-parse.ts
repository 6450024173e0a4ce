/**
 * Reads what warpgroups do at their own pace from its syntax.
 *
 * Invariant: as in parse.ts: names mean something, numbers of things are what the records want.
 */
import type { Place } from '../text/source.ts';
import type { ExprSyntax, Name } from '../text/syntax.ts';
import type { BulkStmt, Role, TensorMap, TileOperand, WordOperand } from './bulk.ts';
import type { BoxesSyntax, BulkSyntax, RoleSyntax } from './bulk-grammar.ts';
import type { Register, TExpr, ThreadBuffer } from './thread.ts';

/** What the reader of a kernel knows and does. */
export interface BulkReader {
  readonly maps: ReadonlyMap<string, TensorMap>;
  buffer(name: Name): ThreadBuffer;
  register(name: Name): Register;
  /** An int32 expression. */
  index(s: ExprSyntax): TExpr;
  /** A u32x4 expression. */
  words(s: ExprSyntax): TExpr;
  /** An element that is named, not read. */
  place(s: ExprSyntax): { readonly buffer: ThreadBuffer; readonly index: TExpr };
  role(s: RoleSyntax): Pick<Role, 'group' | 'place' | 'body'>;
  error(place: Place, brief: string, help?: string): Error;
}

export const readBulk = (s: BulkSyntax, reader: BulkReader): BulkStmt => {
  switch (s.kind) {
    case 'gates': {
      const { gate } = s;
      if (gate.kind !== 'element')
        throw reader.error(gate.token, 'gates are written name[arrivals, ...]');
      const arrivals = gate.index.map((n) => numberOf(n, reader));
      return { kind: 'gates', buffer: reader.buffer(gate.name), arrivals };
    }
    case 'arrive': {
      const { buffer, index } = reader.place(s.gate);
      return { kind: 'arrive', gates: buffer, index };
    }
    case 'expect': {
      const { buffer, index } = reader.place(s.gate);
      return { kind: 'expect', gates: buffer, index, bytes: s.bytes };
    }
    case 'await': {
      const { buffer, index } = reader.place(s.gate);
      return { kind: 'await', gates: buffer, index, phase: reader.index(s.phase) };
    }
    case 'fetch': {
      const { buffer: to, index } = reader.place(s.to);
      const { buffer: gates, index: gate } = reader.place(s.gate);
      const { name, args } = callOf(s.from, reader);
      const map = reader.maps.get(name.text);
      if (map === undefined) throw reader.error(name.token, `there are no boxes ${name.text}`);
      const coordinates = args.map((c) => reader.index(c));
      return { kind: 'fetch', to, index, map, coordinates, gates, gate };
    }
    case 'products': {
      const { name, args } = callOf(s.value, reader);
      const [a, b, steps] = args;
      const inputs = inputsOf[name.text];
      if (inputs === undefined || a === undefined || b === undefined || steps === undefined)
        throw reader.error(name.token, 'products are bf16 or f16 of (tile or words, tile, steps)');
      return {
        kind: 'products',
        inputs,
        adds: s.adds,
        accumulators: s.names.map((n) => reader.register(n)),
        a: leftOf(a, reader),
        b: operandOf(b, reader),
        steps: numberOf(steps, reader),
      };
    }
    case 'settle': {
      const accumulators = s.names.map((n) => reader.register(n));
      return { kind: 'settle', pending: s.pending, accumulators };
    }
    case 'roles':
      return {
        kind: 'roles',
        roles: s.roles.map((role): Role => {
          const { groups, threads, registers } = role;
          if (threads !== 32 && threads !== 128)
            throw reader.error(role.group.token, '32 or 128 threads of a warpgroup have a role');
          const hint = registers === undefined ? {} : { registers };
          return { groups, threads, ...hint, ...reader.role(role) };
        }),
      };
    default:
      return s satisfies never;
  }
};

/** The map that `boxes` describe. */
export const readBoxes = ({ name, value }: BoxesSyntax, reader: BulkReader): TensorMap => {
  const [from, ...axes] = callOf(value, reader).args;
  if (from?.kind !== 'element' || from.index.length !== 1)
    throw reader.error(value.token, 'boxes are of array(buffer[offset], axis(...), ...)');
  const numbers = axes.map((axis) => callOf(axis, reader).args.map((n) => numberOf(n, reader)));
  return {
    name: name.text,
    buffer: reader.buffer(from.name),
    offset: numberOf(from.index[0]!, reader),
    extents: numbers.map((n) => n[0]!),
    strides: numbers.map((n) => n[1]!),
    box: numbers.map((n) => n[2]!),
  };
};

const inputsOf: Readonly<Record<string, 'bfloat16' | 'float16' | undefined>> = {
  bf16: 'bfloat16',
  f16: 'float16',
};

const leftOf = (s: ExprSyntax, reader: BulkReader): TileOperand | WordOperand => {
  const { name, args } = callOf(s, reader);
  if (name.text !== 'words') return operandOf(s, reader);
  return { words: args.map((word) => reader.words(word)) };
};

const operandOf = (s: ExprSyntax, reader: BulkReader): TileOperand => {
  const { name, args } = callOf(s, reader);
  const [tile, pitch] = args;
  if ((name.text !== 'depth' && name.text !== 'free') || tile === undefined)
    throw reader.error(
      name.token,
      'a tile is written depth(tiles[0], pitch) or free(tiles[0], pitch)',
    );
  const { buffer, index } = reader.place(tile);
  const along = name.text;
  return { buffer, at: index, along, pitch: pitch === undefined ? 0 : numberOf(pitch, reader) };
};

const callOf = (s: ExprSyntax, reader: BulkReader): ExprSyntax & { kind: 'call' } => {
  if (s.kind !== 'call') throw reader.error(s.token, 'name(...) is needed');
  return s;
};

const numberOf = (s: ExprSyntax, reader: BulkReader): number => {
  if (s.kind !== 'number') throw reader.error(s.token, 'a number is needed');
  return s.value;
};
