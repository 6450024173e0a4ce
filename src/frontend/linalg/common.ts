/**
 * What functions of matrices share: operands as matrices with one batch, results in the dtype that was given.
 *
 * Invariant: all is computed in float32, float64 in itself; 16-bit floats come back as such, integers and booleans as
 * float32.
 */

import { bring } from '../../codegen/families.ts';
import { orderSchedules } from '../../codegen/running/order-schedules.ts';
import { type DType, isFloat, promote, summedIn } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { type Shape, showType } from '../../ir/type.ts';
import { bringLoops } from '../../passes/loop-family.ts';
import { loopParts } from '../../passes/loop-parts.ts';
import type { Fragment } from '../call.ts';
import { call, callAll, fragment } from '../call.ts';
import type { NDArray } from '../ndarray.ts';

/** The float dtype of a result. */
export const resultDtype = (nodes: readonly Node[]): DType => {
  const common = nodes.map((x) => x.type.dtype).reduce(promote);
  return isFloat(common) ? common : 'float32';
};

/** Throws unless `x` has matrices. */
export const checkMatrix = (name: string, x: Node): void => {
  if (x.type.shape.length >= 2) return;
  throw new TigonError(
    'shape',
    `${name}: takes matrices, not ${showType(x.type)}`,
    'give an array with two axes at least; axes before the last two are a batch',
  );
};

/** Throws unless `x` has square matrices. */
export const checkSquare = (name: string, x: Node): void => {
  checkMatrix(name, x);
  const [m, n] = x.type.shape.slice(-2);
  if (m === n) return;
  throw new TigonError(
    'shape',
    `${name}: ${showType(x.type)} holds matrices of ${m} x ${n}, not square ones`,
    'the last two axes must be equally long',
  );
};

/** Broadcasts the axes before the last two to each other. */
export const sameBatch = (b: GraphBuilder, name: string, nodes: readonly Node[]): Node[] => {
  const rank = Math.max(...nodes.map((x) => x.type.shape.length)) - 2;
  const sizes = (x: Node): Shape => {
    const own = x.type.shape.slice(0, -2);
    return [...new Array<number>(rank - own.length).fill(1), ...own];
  };
  const batch = Array.from({ length: rank }, (_, i) => {
    const found = new Set(nodes.map((x) => sizes(x)[i]!).filter((d) => d !== 1));
    if (found.size > 1)
      throw new TigonError(
        'shape',
        `${name}: batches differ: ${nodes.map((x) => showType(x.type)).join(' · ')}`,
        'axes before the last two must be equal or 1',
      );
    return [...found][0] ?? 1;
  });
  return nodes.map((x) => b.broadcastTo(x, [...batch, ...x.type.shape.slice(-2)]));
};

type Build<A extends object> = (
  b: GraphBuilder,
  inputs: readonly Node[],
  attrs: A,
) => Node | readonly Node[];

/** A function whose float results have the dtype of its operands, and which is computed in float32 or float64. */
export const matrixFragment = <A extends object>(name: string, build: Build<A>): Fragment<A> =>
  fragment<A>(name, (b, inputs, attrs) => {
    bring({ order: orderSchedules });
    bringLoops(loopParts);
    const dtype = resultDtype(inputs);
    const computed = summedIn(dtype);
    const made = build(
      b,
      inputs.map((x) => b.cast(x, computed)),
      attrs,
    );
    const results = 'op' in made ? [made] : made;
    return results.map((y) => (y.type.dtype === computed ? b.cast(y, dtype) : y));
  });

const NOTHING: object = {};

/** A function of arrays alone, with one result. */
export const simple = (
  name: string,
  build: Build<object>,
): ((...x: readonly NDArray[]) => NDArray) => {
  const f = matrixFragment(name, build);
  return (...x) => call(f, x, { attrs: NOTHING, key: '' });
};

/** A function of arrays alone, with several results. */
export const several = (
  name: string,
  build: Build<object>,
): ((...x: readonly NDArray[]) => NDArray[]) => {
  const f = matrixFragment(name, build);
  return (...x) => callAll(f, x, { attrs: NOTHING, key: '' });
};
