/**
 * What a block is made of: children and parameters, found by walking its own properties.
 *
 * Invariant: names are paths of property names (`features.0.weight`), in the order in which the properties were made;
 * a block or parameter that is reachable on two paths has the first.
 */
import type { Block } from './block.ts';
import { Parameter } from './parameter.ts';

/** Tells blocks from other functions without importing the class (which needs this module). */
const BLOCK = Symbol('tigon.block');

/** Marks what has this prototype as a block. */
export const markBlocks = (prototype: object): void => {
  Object.defineProperty(prototype, BLOCK, { value: true });
};

const HYBRID = Symbol('tigon.hybrid');

/** Marks what has this prototype as a block that can be compiled. */
export const markHybrid = (prototype: object): void => {
  Object.defineProperty(prototype, HYBRID, { value: true });
};

export const isHybrid = (x: Block): boolean => (x as { [HYBRID]?: true })[HYBRID] === true;

export const isBlock = (x: unknown): x is Block =>
  typeof x === 'function' && (x as { [BLOCK]?: true })[BLOCK] === true;

const isPlainObject = (x: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(x);
  return prototype === Object.prototype || prototype === null;
};

/** Something found in a property, under its path from the block. */
export type Member =
  | { readonly path: string; readonly kind: 'block'; readonly block: Block }
  | { readonly path: string; readonly kind: 'parameter'; readonly parameter: Parameter };

/** Children and parameters directly in `block`, containers (arrays, maps, plain objects) looked through. */
export const membersOf = (block: object): Member[] => {
  const members: Member[] = [];
  const seen = new Set<object>([block]);
  const visit = (path: string, value: unknown): void => {
    if (isBlock(value)) members.push({ path, kind: 'block', block: value });
    else if (value instanceof Parameter)
      members.push({ path, kind: 'parameter', parameter: value });
    else if (typeof value === 'object' && value !== null && !seen.has(value)) {
      if (Array.isArray(value)) {
        seen.add(value);
        value.forEach((item, i) => {
          visit(`${path}.${i}`, item);
        });
      } else if (value instanceof Map) {
        seen.add(value);
        for (const [key, item] of value) visit(`${path}.${String(key)}`, item);
      } else if (isPlainObject(value)) {
        seen.add(value);
        for (const [key, item] of Object.entries(value)) visit(`${path}.${key}`, item);
      }
    }
  };
  for (const key of Object.keys(block)) visit(key, (block as Record<string, unknown>)[key]);
  return members;
};

/** All blocks under `block` (itself first, with path ''), each once. */
export const blocksIn = (block: Block): { readonly path: string; readonly block: Block }[] => {
  const found: { path: string; block: Block }[] = [];
  const seen = new Set<Block>();
  const visit = (path: string, b: Block): void => {
    if (seen.has(b)) return;
    seen.add(b);
    found.push({ path, block: b });
    for (const member of membersOf(b))
      if (member.kind === 'block') visit(join(path, member.path), member.block);
  };
  visit('', block);
  return found;
};

/** All parameters under `block` by path, each once. */
export const parametersIn = (block: Block): Map<string, Parameter> => {
  const found = new Map<string, Parameter>();
  const seen = new Set<Parameter>();
  for (const { path, block: b } of blocksIn(block))
    for (const member of membersOf(b)) {
      if (member.kind !== 'parameter' || seen.has(member.parameter)) continue;
      seen.add(member.parameter);
      found.set(join(path, member.path), member.parameter);
    }
  return found;
};

/** Each parameter under `block` with all paths on which it can be reached, first ones first. */
export const namesIn = (block: Block): Map<Parameter, string[]> => {
  const found = new Map<Parameter, string[]>();
  const visit = (path: string, part: Block, above: readonly Block[]): void => {
    if (above.includes(part)) return;
    const members = membersOf(part);
    for (const member of members) {
      if (member.kind === 'block') continue;
      const name = join(path, member.path);
      const names = found.get(member.parameter);
      if (names === undefined) found.set(member.parameter, [name]);
      else names.push(name);
    }
    for (const member of members)
      if (member.kind === 'block') visit(join(path, member.path), member.block, [...above, part]);
  };
  visit('', block, []);
  return found;
};

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

/** An object whose members matter: its property names (or map keys), and the members among their values. */
interface Holder {
  readonly object: object;
  /** Number of own properties or entries. */
  readonly size: number;
  readonly keys: readonly unknown[];
  readonly values: readonly unknown[];
}

/** What a block was made of at some time. */
export type Structure = readonly Holder[];

const sizeOf = (object: object): number => {
  if (object instanceof Map) return object.size;
  return Array.isArray(object) ? object.length : Object.keys(object).length;
};

const valueAt = (object: object, key: unknown): unknown =>
  object instanceof Map ? object.get(key) : (object as Record<string, unknown>)[key as string];

const isMember = (value: unknown): value is object =>
  isBlock(value) ||
  (typeof value === 'object' &&
    value !== null &&
    (value instanceof Parameter ||
      value instanceof Map ||
      Array.isArray(value) ||
      isPlainObject(value)));

/** What `block` is made of now: blocks, parameters and the containers that hold them, all the way down. */
export const structureOf = (block: Block): Structure => {
  const holders: Holder[] = [];
  const seen = new Set<object>();
  const visit = (object: object): void => {
    if (seen.has(object)) return;
    seen.add(object);
    const keys = [...(object instanceof Map ? object.keys() : Object.keys(object))].filter((key) =>
      isMember(valueAt(object, key)),
    );
    const values = keys.map((key) => valueAt(object, key) as object);
    holders.push({ object, size: sizeOf(object), keys, values });
    for (const value of values) if (!(value instanceof Parameter)) visit(value);
  };
  visit(block);
  return holders;
};

/** Whether no child, parameter or container was added, removed or replaced since. Runs at every hybridized call. */
export const sameStructure = (structure: Structure): boolean => {
  for (let i = 0; i < structure.length; i++) {
    const { object, size, keys, values } = structure[i]!;
    if (sizeOf(object) !== size) return false;
    for (let k = 0; k < keys.length; k++) if (valueAt(object, keys[k]) !== values[k]) return false;
  }
  return true;
};
