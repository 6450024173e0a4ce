/**
 * One parameter in several blocks.
 *
 * Invariant: nothing is replaced unless all that is to be replaced fits.
 */
import { failure } from '../callsite.ts';
import { shown } from '../options.ts';
import type { Block } from './block.ts';
import { Parameter } from './parameter.ts';
import { namesIn, structureOf } from './structure.ts';

/** Puts parameters of `from` in the place of those of `block` with the same name. */
export const share = (block: Block, from: ReadonlyMap<string, Parameter>): void => {
  if (!(from instanceof Map))
    throw failure(
      'value',
      `shareParameters: ${shown(from)} has no parameters`,
      'pass a block, or its collectParams()',
    );
  const replacements = new Map<Parameter, Parameter>();
  for (const [own, names] of namesIn(block))
    for (const name of names) {
      const other: unknown = from.get(name);
      if (other === undefined) continue;
      if (!(other instanceof Parameter))
        throw failure('value', `shareParameters: ${name} is ${shown(other)}, not a Parameter`);
      checkFit(name, own, other);
      replacements.set(own, other);
      break;
    }
  for (const { object, keys, values } of structureOf(block))
    keys.forEach((key, i) => {
      const other = replacements.get(values[i] as Parameter);
      if (other === undefined) return;
      if (object instanceof Map) object.set(key, other);
      else (object as Record<string, unknown>)[key as string] = other;
    });
};

const checkFit = (name: string, own: Parameter, other: Parameter): void => {
  const fits =
    own.shape.length === other.shape.length &&
    own.shape.every((d, i) => d === 0 || other.shape[i] === 0 || d === other.shape[i]);
  if (fits && own.dtype === other.dtype) return;
  const show = ({ dtype, shape }: Parameter): string => `${dtype} [${shape.join(', ')}]`;
  throw failure(
    'shape',
    `shareParameters: ${name} is ${show(own)} here, and ${show(other)} there`,
    'blocks with the same parameters have the same shapes and dtypes',
  );
};
