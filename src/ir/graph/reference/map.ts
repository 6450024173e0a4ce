/**
 * What maps mean: the scalar table at every position.
 *
 * Invariant: integer products wrap, as they do in programs.
 */
import { isFloat } from '../../dtype.ts';
import { castTo } from '../../rounding.ts';
import { SCALAR_OPS, type ScalarOp, scalarOps, valueIn } from '../../scalar.ts';
import { type TensorType, tensor } from '../../type.ts';
import { cast, mapOps } from '../ops/map.ts';
import { bf16, defineReference, f32, i32, type OpExample, type Reference } from './define.ts';

/** Ranges that keep an op inside its domain and its gradient finite. */
const domains: Readonly<Partial<Record<ScalarOp, readonly (readonly [number, number])[]>>> = {
  log: [[0.2, 3]],
  log1p: [[-0.7, 3]],
  sqrt: [[0.2, 3]],
  rsqrt: [[0.3, 3]],
  tan: [[-1, 1]],
  div: [
    [-2, 2],
    [0.5, 2],
  ],
  pow: [
    [0.3, 2],
    [-2, 2],
  ],
  mod: [
    [0.1, 0.9],
    [1, 2],
  ],
};

const defaultExamples = (name: ScalarOp): readonly OpExample[] => {
  const row = scalarOps[name];
  const range = domains[name];
  const smooth = row.derivative !== undefined && !kinked.has(name);
  return [f32(), f32(7), f32(2, 3, 5)].map((t) => ({
    inputs: new Array<TensorType>(row.arity).fill(t),
    ...(range === undefined ? {} : { range }),
    ...(smooth ? {} : { gradient: false }),
  }));
};

const kinked: ReadonlySet<ScalarOp> = new Set<ScalarOp>(['floor', 'ceil', 'round', 'floordiv']);

const bools = (...shape: number[]): TensorType => tensor('bool', shape);

const words = (...shape: number[]): TensorType => tensor('uint32', shape);

const exampleTable: Readonly<Partial<Record<ScalarOp, readonly OpExample[]>>> = {
  not: [{ inputs: [bools(9)] }, { inputs: [bools(2, 3)] }],
  add: [
    ...defaultExamples('add'),
    { inputs: [i32(3, 4), i32(3, 4)] },
    { inputs: [bf16(3, 3), bf16(3, 3)] },
  ],
  sub: [...defaultExamples('sub'), { inputs: [i32(5), i32(5)] }],
  mul: [
    ...defaultExamples('mul'),
    {
      inputs: [i32(6), i32(6)],
      range: [
        [-2147483648, 2147483647],
        [-2147483648, 2147483647],
      ],
    },
  ],
  floordiv: [
    ...defaultExamples('floordiv'),
    {
      inputs: [i32(8), i32(8)],
      range: [
        [-9, 9],
        [-3, 3],
      ],
    },
  ],
  mod: [
    ...defaultExamples('mod'),
    {
      inputs: [i32(8), i32(8)],
      range: [
        [-9, 9],
        [1, 4],
      ],
    },
  ],
  eq: [...defaultExamples('eq'), { inputs: [i32(6), i32(6)] }],
  and: [{ inputs: [bools(6), bools(6)] }, { inputs: [i32(3, 2), i32(3, 2)] }],
  or: [{ inputs: [bools(6), bools(6)] }, { inputs: [i32(3, 2), i32(3, 2)] }],
  xor: [{ inputs: [bools(6), bools(6)] }, { inputs: [words(3, 2), words(3, 2)] }],
  shl: [
    {
      inputs: [words(5), words(5)],
      range: [
        [0, 4294967296],
        [0, 32],
      ],
    },
  ],
  shr: [
    {
      inputs: [words(5), words(5)],
      range: [
        [0, 4294967296],
        [0, 32],
      ],
    },
    {
      inputs: [i32(5), i32(5)],
      range: [
        [-2147483648, 2147483648],
        [0, 32],
      ],
    },
  ],
  select: [{ inputs: [bools(7), f32(7), f32(7)] }, { inputs: [bools(2, 3), i32(2, 3), i32(2, 3)] }],
  threefry: [
    {
      inputs: [words(4), words(4), words(4), words(4)],
      range: new Array(4).fill([0, 4294967296]),
    },
  ],
};

/** The reference of each scalar op. */
const scalars: readonly Reference[] = SCALAR_OPS.map((name) =>
  defineReference(mapOps[name], {
    evaluate: (inputs, { inputs: [x], type }) => {
      const value = valueIn(name, x!.type.dtype);
      return new Float64Array(type.size).map((_, i) => value(...inputs.map((v) => v[i]!)));
    },
    examples: exampleTable[name] ?? defaultExamples(name),
  }),
);

export const maps: readonly Reference[] = [
  ...scalars,
  defineReference(cast, {
    // To a float dtype the value stays as it is here: rounding is the caller's.
    evaluate: ([x], { attrs }) =>
      x!.map((v) => (isFloat(attrs.dtype) ? v : castTo(attrs.dtype, v))),
    examples: [
      { inputs: [f32(7)], attrs: { dtype: 'int32' }, range: [[-5, 5]] },
      { inputs: [f32(2, 3)], attrs: { dtype: 'uint8' }, range: [[-50, 400]] },
      { inputs: [i32(2, 3)], attrs: { dtype: 'float32' } },
      { inputs: [i32(5)], attrs: { dtype: 'bool' }, range: [[0, 2]] },
      { inputs: [bools(5)], attrs: { dtype: 'float32' } },
      { inputs: [bf16(7)], attrs: { dtype: 'float32' } },
      // Through 16 bits finite differences see the steps of the rounding.
      { inputs: [f32(5)], attrs: { dtype: 'float16' }, gradient: false },
      { inputs: [f32(2, 5)], attrs: { dtype: 'bfloat16' }, gradient: false },
    ],
  }),
];
