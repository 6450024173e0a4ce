/**
 * Types in the text: from syntax to the interned type.
 *
 * Invariant: a type that is returned has a known dtype and sizes that are integers >= 0.
 */
import { DTYPES, type DType, dtypeFromShort, shortName } from '../dtype.ts';
import { type TensorType, tensor } from '../type.ts';
import { didYouMean, errorAt, type Source } from './source.ts';
import type { Name, TypeSyntax } from './syntax.ts';

export const readDType = (source: Source, name: Name): DType => {
  const dtype = dtypeFromShort(name.text);
  if (dtype === undefined)
    throw errorAt(
      source,
      name.token,
      `there is no dtype ${name.text}`,
      didYouMean(name.text, DTYPES.map(shortName)) ??
        `dtypes are ${DTYPES.map(shortName).join(', ')}`,
    );
  return dtype;
};

export const readType = (source: Source, { dtype, shape, strides }: TypeSyntax): TensorType => {
  if (!shape.every((d) => Number.isInteger(d) && d >= 0))
    throw errorAt(source, dtype.token, `sizes are integers >= 0, not [${shape.join(', ')}]`);
  if (strides !== undefined && strides.length !== shape.length)
    throw errorAt(
      source,
      dtype.token,
      `${strides.length} strides for ${shape.length} axes`,
      'give one stride per axis, in elements',
    );
  return tensor(readDType(source, dtype), shape);
};
