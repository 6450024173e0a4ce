/**
 * Choosing elements: by position, by range, by arrays of positions, by condition.
 *
 * Invariant: positions in ranges are checked; positions that are array values are clamped to the axis (values are not
 * known when a program is compiled).
 */
import { type DType, isFloat, promote } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { iota } from '../../ir/graph/ops/leaf.ts';
import { pad as padOp } from '../../ir/graph/ops/slice.ts';
import { takeAlong as takeAlongOp, take as takeOp } from '../../ir/graph/ops/take.ts';
import { showType } from '../../ir/type.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import { isNDArray, type NDArray, type Operand } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';
import { broadcastShapes } from './arithmetic.ts';
import { axisOf } from './axes.ts';
import { checkDtype } from './creation.ts';
import { fits } from './filled.ts';
import { reshape, type SliceAttrs, slicePart } from './shape.ts';

/** One bound of a range; left open when undefined or null. */
type Edge = number | null | undefined;
/**
 * What to take along one axis: a position (the axis goes away), `':'` (all), `'1:5'`, `'::2'`, or `[begin, end, step]`
 * with open ends left out or null; `'...'` stands for as many `':'` as fit. Negative numbers count from the end.
 */
export type Index = number | string | readonly [Edge?, Edge?, Edge?];

interface Selection extends SliceAttrs {
  /** Axes that a position removed. */
  readonly gone: readonly number[];
}

const parse = (name: string, spec: string): readonly Edge[] => {
  const parts = spec.split(':').map((p) => (p.trim() === '' ? undefined : Number(p)));
  if (
    !spec.includes(':') ||
    parts.length > 3 ||
    parts.some((p) => p !== undefined && !Number.isInteger(p))
  )
    throw failure('value', `${name}: "${spec}" is not a range`, "write ':', '1:5', '::2' or '...'");
  return parts;
};

const selection = (name: string, x: NDArray, specs: readonly Index[]): Selection => {
  checkArray(name, x);
  const dots = specs.indexOf('...');
  const fill = new Array<Index>(Math.max(0, x.ndim - specs.length + (dots < 0 ? 0 : 1))).fill(':');
  const all =
    dots < 0 ? [...specs, ...fill] : [...specs.slice(0, dots), ...fill, ...specs.slice(dots + 1)];
  if (all.length > x.ndim)
    throw failure('shape', `${name}: ${specs.length} indices for ${showType(x.type)}`);
  const gone: number[] = [];
  const ranges = all.map((spec, i) => {
    const size = x.shape[i]!;
    if (typeof spec === 'number') {
      const at = spec < 0 ? spec + size : spec;
      if (!Number.isInteger(spec) || at < 0 || at >= size)
        throw failure(
          'value',
          `${name}: position ${spec} is out of range for axis ${i} of ${showType(x.type)}`,
          `positions go from ${-size} to ${size - 1}`,
        );
      gone.push(i);
      return [at, at + 1, 1] as const;
    }
    if (typeof spec !== 'string' && (!Array.isArray(spec) || spec.length > 3))
      throw failure(
        'value',
        `${name}: the index for axis ${i} is ${shown(spec)}`,
        "write a position, ':' or '1:5', or [begin, end, step]; take(idx) selects by an array of positions",
      );
    return resolve(name, typeof spec === 'string' ? parse(name, spec) : spec, size);
  });
  return {
    begin: ranges.map((r) => r[0]),
    end: ranges.map((r) => r[1]),
    step: ranges.map((r) => r[2]),
    gone,
  };
};

/** Python's rules: open and negative ends, then clamped to the axis. */
const resolve = (
  name: string,
  [from, to, by]: readonly Edge[],
  size: number,
): readonly [number, number, number] => {
  const step = by ?? 1;
  for (const edge of [from, to, step])
    if (edge != null && !Number.isInteger(edge))
      throw failure('value', `${name}: range [${from}, ${to}, ${by}] must hold integers`);
  if (step === 0) throw failure('value', `${name}: the step of a range must not be 0`);
  const low = step > 0 ? 0 : -1;
  const high = step > 0 ? size : size - 1;
  const clamp = (edge: number): number =>
    Math.max(low, Math.min(high, edge < 0 ? edge + size : edge));
  const begin = from == null ? (step > 0 ? 0 : size - 1) : clamp(from);
  const end = to == null ? (step > 0 ? size : -1) : clamp(to);
  return [begin, (end - begin) * step < 0 ? begin : end, step];
};

/**
 * A part of `x`, one index per axis; axes left out are taken whole.
 *
 * @example x.slice([0, 10], ':', -1)   // rows 0 to 9, all columns, the last of the third axis
 */
export const slice = (x: NDArray, ...specs: Index[]): NDArray => partOf('slice', x, specs);

const partOf = (name: string, x: NDArray, specs: readonly Index[]): NDArray => {
  const part = selection(name, x, specs);
  const whole = part.begin.every(
    (b, i) => b === 0 && part.step[i] === 1 && part.end[i] === x.shape[i],
  );
  const y = whole ? x : slicePart(x, part);
  return part.gone.length === 0
    ? y
    : reshape(
        y,
        y.shape.filter((_, i) => !part.gone.includes(i)),
      );
};

/** The element or part at the given positions of the first axes. */
export const at = (x: NDArray, ...positions: number[]): NDArray => partOf('at', x, positions);

interface SetAttrs {
  readonly begin: readonly number[];
  readonly high: readonly number[];
  readonly step: readonly number[];
  readonly backward: readonly boolean[];
  readonly counts: readonly number[];
  readonly gone: readonly number[];
}
const setting: Fragment<SetAttrs> = fragment<SetAttrs>('set', (b, [x, value], attrs) => {
  const { dtype, shape } = x!.type;
  const open = attrs.counts.filter((_, i) => !attrs.gone.includes(i));
  const full = b.reshape(b.broadcastTo(b.cast(value!, dtype), open), attrs.counts);
  const turned = attrs.backward.includes(true)
    ? b.slice(
        full,
        attrs.counts.map((n, i) => (attrs.backward[i] ? n - 1 : 0)),
        attrs.counts.map((n, i) => (attrs.backward[i] ? -1 : n)),
        attrs.backward.map((r) => (r ? -1 : 1)),
      )
    : full;
  const spread = {
    low: attrs.begin,
    high: attrs.high,
    interior: attrs.step.map((s) => s - 1),
    value: 0,
  };
  const mask = b.emit(padOp, [b.full(1, 'bool', attrs.counts)], spread);
  if (mask.type.shape.some((d, i) => d !== shape[i]))
    throw new TigonError('shape', `set: the part does not lie in ${showType(x!.type)}`);
  return b.op('select', mask, b.emit(padOp, [turned], spread), x!);
});

/**
 * `x` with the part at `index` replaced by `value` (broadcast, converted to the dtype of `x`). `x` itself stays as it
 * is. `index`: a position, a range, or a list with one spec per axis as for {@link slice}; or an array of booleans.
 *
 * @example x.set([0, [0, 2]], 7)
 */
export const set = (
  x: NDArray,
  index: number | string | readonly Index[] | NDArray,
  value: Operand,
): NDArray => {
  if (isNDArray(index)) return where(index, value, x);
  const part = selection('set', x, Array.isArray(index) ? index : [index as number | string]);
  const counts = part.begin.map((b, i) =>
    Math.max(0, Math.ceil((part.end[i]! - b) / part.step[i]!)),
  );
  if (counts.includes(0)) return x;
  const backward = part.step.map((s) => s < 0);
  const step = part.step.map(Math.abs);
  const first = part.begin.map((b, i) => (backward[i] ? b - (counts[i]! - 1) * step[i]! : b));
  const attrs: SetAttrs = {
    begin: first,
    high: x.shape.map((d, i) => d - 1 - first[i]! - (counts[i]! - 1) * step[i]!),
    step,
    backward,
    counts,
    gone: part.gone,
  };
  return call(setting, [x, value], {
    attrs,
    key: JSON.stringify(attrs),
    scalars: [
      undefined,
      isFloat(x.dtype) || (typeof value === 'number' && fits(value, x.dtype)) ? x.dtype : 'float32',
    ],
  });
};

const whole = (name: string, idx: Node, b: GraphBuilder): Node => {
  if (!isFloat(idx.type.dtype) && idx.type.dtype !== 'bool') return b.cast(idx, 'int32');
  throw new TigonError(
    'dtype',
    `${name}: indices must be integers, not ${showType(idx.type)}`,
    "convert them: idx.astype('int32')",
  );
};

type AxisAttrs = { readonly axis: number };
const taking: Fragment<AxisAttrs> = fragment<AxisAttrs>('take', (b, [x, idx], attrs) =>
  b.emit(takeOp, [x!, whole('take', idx!, b)], attrs),
);
export interface TakeOptions {
  /** Default 0. */
  readonly axis?: number;
}
/** Parts of `x` at the positions `idx` (any shape, integers, clamped) along an axis: that axis becomes the axes of `idx`. */
export const take = (x: NDArray, idx: NDArray, options?: TakeOptions): NDArray => {
  checkOptions('take', options, ['axis']);
  const axis = axisOf('take', options?.axis ?? 0, x.ndim);
  return call(taking, [x, idx], { attrs: { axis }, key: `${axis}` });
};

const gathering: Fragment<AxisAttrs> = fragment<AxisAttrs>('gather', (b, [x, idx], attrs) =>
  b.emit(takeAlongOp, [x!, whole('gather', idx!, b)], attrs),
);
/** `result[.., i, ..] = x[.., idx[.., i, ..], ..]` along an axis (default: the last): `idx` has as many axes as `x`. */
export const gather = (x: NDArray, idx: NDArray, options?: TakeOptions): NDArray => {
  checkOptions('gather', options, ['axis']);
  const axis = axisOf('gather', options?.axis ?? -1, x.ndim);
  return call(gathering, [x, idx], { attrs: { axis }, key: `${axis}` });
};

interface PickAttrs extends AxisAttrs {
  readonly keep: boolean;
}
const picking: Fragment<PickAttrs> = fragment<PickAttrs>('pick', (b, [x, idx], { axis, keep }) => {
  const { shape } = x!.type;
  const rest = shape.filter((_, i) => i !== axis);
  const one = shape.map((d, i) => (i === axis ? 1 : d));
  const given = idx!.type.shape.filter(
    (_, i) => i !== axis || idx!.type.shape.length !== shape.length,
  );
  if (given.length !== rest.length || given.some((d, i) => d !== rest[i]))
    throw new TigonError(
      'shape',
      `pick: indices ${showType(idx!.type)} do not fit ${showType(x!.type)} without axis ${axis}`,
      `they must have shape [${rest.join(', ')}]`,
    );
  const position = b.reshape(whole('pick', idx!, b), one);
  const found = b.emit(takeAlongOp, [x!, position], { axis });
  return keep ? found : b.reshape(found, rest);
});
export interface PickOptions {
  /** Default: the last. */
  readonly axis?: number;
  readonly keepDims?: boolean;
}
/** One element along an axis for every other position: `result[i] = x[i, idx[i]]`. */
export const pick = (x: NDArray, idx: NDArray, options?: PickOptions): NDArray => {
  checkOptions('pick', options, ['axis', 'keepDims']);
  const axis = axisOf('pick', options?.axis ?? -1, x.ndim);
  const keep = options?.keepDims ?? false;
  return call(picking, [x, idx], { attrs: { axis, keep }, key: `${axis}${keep}` });
};

interface OneHotAttrs {
  readonly depth: number;
  readonly on: number;
  readonly off: number;
  readonly dtype: DType;
}
const marking: Fragment<OneHotAttrs> = fragment<OneHotAttrs>('oneHot', (b, [idx], attrs) => {
  const shape = [...idx!.type.shape, attrs.depth];
  const axis = shape.length - 1;
  const column = b.emit(iota, [], { axis, dtype: 'int32', shape });
  const position = b.broadcastTo(
    b.reshape(whole('oneHot', idx!, b), [...idx!.type.shape, 1]),
    shape,
  );
  return b.op(
    'select',
    b.op('eq', position, column),
    b.full(attrs.on, attrs.dtype, shape),
    b.full(attrs.off, attrs.dtype, shape),
  );
});
export interface OneHotOptions {
  /** Default 1. */
  readonly on?: number;
  /** Default 0. */
  readonly off?: number;
  /** Default float32. */
  readonly dtype?: DType;
}
/** A new last axis of `depth` that holds `on` at the position of the index and `off` elsewhere (everywhere, if outside). */
export const oneHot = (idx: NDArray, depth: number, options?: OneHotOptions): NDArray => {
  checkOptions('oneHot', options, ['on', 'off', 'dtype']);
  if (!Number.isInteger(depth) || depth < 1)
    throw failure('value', `oneHot: depth ${depth} must be a positive integer`);
  const dtype = checkDtype('oneHot', options?.dtype ?? 'float32');
  const attrs = { depth, on: options?.on ?? 1, off: options?.off ?? 0, dtype };
  return call(marking, [idx], { attrs, key: `${depth}/${attrs.on}/${attrs.off}/${dtype}` });
};

const choosing: Fragment = fragment('where', (b, [c, x, y]) => {
  const dtype = promote(x!.type.dtype, y!.type.dtype);
  const shape = broadcastShapes('where', [c!, x!, y!]);
  const [mask, p, q] = [b.cast(c!, 'bool'), b.cast(x!, dtype), b.cast(y!, dtype)].map((n) =>
    b.broadcastTo(n, shape),
  );
  return b.op('select', mask!, p!, q!);
});
/** `x` where `condition` is true (not 0), else `y`; all three broadcast. Inside hybridized functions this is `if` by value. */
export const where = (condition: NDArray, x: Operand, y: Operand): NDArray => {
  const like = isNDArray(x) ? x : isNDArray(y) ? y : undefined;
  const dtypeFor = (v: Operand): DType =>
    typeof v !== 'number'
      ? v.dtype
      : like !== undefined && fits(v, like.dtype)
        ? like.dtype
        : 'float32';
  return call(choosing, [condition, x, y], {
    attrs: {},
    key: '',
    scalars: [undefined, dtypeFor(x), dtypeFor(y)],
  });
};
