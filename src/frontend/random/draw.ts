/**
 * The one way to draw: parameters are checked, stretched to the shape that is asked for, and given to the graph of the
 * distribution with a source of random words.
 *
 * Invariant: numbers are made in float32, of float64 in float64, and converted to the dtype asked for; the draws of a call are as many as its
 * family says, whatever its shape.
 */
import { type DType, isFloat } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { type Shape, showType } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import { call, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import { defaultDevice } from '../default-device.ts';
import { mode } from '../mode.ts';
import { checkDtype, checkShape } from '../nd/creation.ts';
import { isNDArray, type NDArray, type Operand } from '../ndarray.ts';
import { checkDevice, checkOptions, shown } from '../options.ts';
import { deviceAsked } from '../trace.ts';
import { drawnIn, type Source, sourceOf, widestOf } from './source.ts';
import { drawOperands } from './state.ts';

export interface RandomOptions {
  /** Default float32, of parameters that are float64 arrays float64; where a function says so, int32. */
  readonly dtype?: DType;
  /** Default: that of the parameters that are arrays, else `device.default()`. */
  readonly device?: Device;
}
const KNOWN = ['dtype', 'device'];

/** What a parameter is called, and what numbers it may be. Arrays are not looked at. */
export interface ParameterRule {
  readonly name: string;
  readonly allows: (value: number) => boolean;
  /** Such as `a number above 0`. */
  readonly rule: string;
}
export const anyNumber = (name: string): ParameterRule => ({
  name,
  allows: (v) => !Number.isNaN(v),
  rule: 'a number',
});
export const finiteNumber = (name: string): ParameterRule => ({
  name,
  allows: Number.isFinite,
  rule: 'a finite number',
});
export const aboveZero = (name: string): ParameterRule => ({
  name,
  allows: (v) => v > 0,
  rule: 'a number above 0',
});
export const notNegative = (name: string): ParameterRule => ({
  name,
  allows: (v) => v >= 0,
  rule: 'a number ≥ 0',
});
/** A probability; `above`: 0 is none. */
export const probability = (name: string, above = false): ParameterRule => ({
  name,
  allows: (v) => (above ? v > 0 : v >= 0) && v <= 1,
  rule: above ? 'a number above 0, up to 1' : 'a number from 0 to 1',
});

export interface Attrs {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A distribution that can be drawn from. */
export interface Family {
  readonly name: string;
  readonly parameters: readonly ParameterRule[];
  /** Random words per element. */
  readonly draws: number;
  /** True when integers are what it makes. */
  readonly whole?: boolean;
  readonly build: (source: Source, parameters: readonly Node[]) => Node;
}

/** `x` as `dtype` in `shape`. Throws a ShapeError when it does not stretch to it. */
export const stretch = (
  b: GraphBuilder,
  name: string,
  x: Node,
  shape: Shape,
  dtype: DType,
): Node => {
  const own = x.type.shape;
  const offset = shape.length - own.length;
  if (offset < 0 || own.some((d, i) => d !== 1 && d !== shape[i + offset]))
    throw new TigonError(
      'shape',
      `${name}: the parameter ${showType(x.type)} does not stretch to the shape [${shape.join(', ')}] that is asked for`,
      'pass the whole shape of the result, to which the parameters broadcast',
    );
  return b.broadcastTo(b.cast(x, dtype), shape);
};

/** A family with the graph of its draws. */
export interface Sampler extends Family {
  readonly fragment: Fragment<Attrs>;
}
export const sampler = (family: Family): Sampler => ({
  ...family,
  fragment: fragment<Attrs>(
    family.name,
    (b, [low, high, draw, ...parameters], { shape, dtype }) => {
      const inner = drawnIn(
        dtype,
        parameters.map((x) => x.type.dtype),
      );
      const stretched = parameters.map((x) => stretch(b, family.name, x, shape, inner));
      const source = sourceOf(b, [low!, high!, draw!], shape, inner);
      return b.cast(family.build(source, stretched), dtype);
    },
  ),
});

/** Dtypes of the operands that tell which draw it is. */
export const KEY: readonly DType[] = ['uint32', 'uint32', 'uint32'];

/** Throws for options other than the known ones, and a `device` that is none. */
export const checkDrawOptions = (
  name: string,
  options: { readonly device?: Device } | undefined,
  known: readonly string[],
): void => {
  checkOptions(name, options, known);
  checkDevice(name, options?.device);
};

/** Where a call draws: as it is told, else where its arrays are. */
export const deviceFor = (operands: readonly Operand[], options?: RandomOptions): Device =>
  options?.device === undefined
    ? (operands.find(isNDArray)?.device ?? mode.trace?.device ?? defaultDevice())
    : deviceAsked(options.device);

/** Throws unless `values` are arrays, or numbers that the rules allow. */
export const checkParameters = (
  name: string,
  rules: readonly ParameterRule[],
  values: readonly Operand[],
): void =>
  values.forEach((value, i) => {
    const { name: parameter, allows, rule } = rules[i]!;
    if (isNDArray(value) || (typeof value === 'number' && allows(value))) return;
    throw failure(
      'value',
      `${name}: ${parameter} is ${shown(value)}`,
      `pass ${rule}, or an array of such`,
    );
  });

/** The dtype of what is drawn: floats where the numbers are fractions. */
export const drawnDtype = (
  name: string,
  options: RandomOptions | undefined,
  fallback: DType,
  whole: boolean,
): DType => {
  const dtype = checkDtype(name, options?.dtype ?? fallback);
  if (whole || isFloat(dtype)) return dtype;
  throw failure('dtype', `${name}: makes floats, not ${dtype}`, 'random.randint makes integers');
};

/** Draws from a family in a shape to which the parameters stretch. */
export const drawFrom = (
  family: Sampler,
  shape: Shape,
  parameters: readonly Operand[],
  options: RandomOptions | undefined,
): NDArray => {
  const { name, whole = false } = family;
  checkDrawOptions(name, options, KNOWN);
  checkShape(name, shape);
  checkParameters(name, family.parameters, parameters);
  const arrays = parameters.filter(isNDArray).map((x) => x.dtype);
  const dtype = drawnDtype(name, options, widestOf(arrays), whole);
  const device = deviceFor(parameters, options);
  const numbers = drawnIn(dtype, arrays);
  return call(family.fragment, [...drawOperands(device, family.draws), ...parameters], {
    attrs: { shape, dtype },
    key: `${shape.join('.')}/${dtype}`,
    device,
    scalars: [...KEY, ...parameters.map(() => numbers)],
  });
};
