/**
 * Every scalar op and conversion on one number and on four lanes, with what the scalar table says it gives.
 *
 * Invariant: a case is one kernel: a loop of vectors, then one of scalars, results behind each other.
 */
import { bytesOf, DTYPES, type DType, isWide } from '../../src/ir/dtype.ts';
import { castTo, roundTo } from '../../src/ir/rounding.ts';
import { SCALAR_OPS, type ScalarOp, scalarOps, valueIn } from '../../src/ir/scalar.ts';
import * as b from '../../src/ir/thread/build.ts';
import {
  type RegType,
  registerDType,
  registerOf,
  type TExpr,
  type ThreadBuffer,
  type ThreadKernel,
} from '../../src/ir/thread/thread.ts';
import { encode } from '../support/wasm.ts';

export type Computed = 'float32' | 'int32' | 'uint32' | 'bool' | 'float64' | 'int64' | 'uint64';
const COMPUTED: readonly Computed[] = [
  ...(['float32', 'int32', 'uint32', 'bool'] as const),
  ...(['float64', 'int64', 'uint64'] as const),
];
/** Exact in doubles, as are the numbers below. */
const MOST = Number.MAX_SAFE_INTEGER;
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

const VALUES: Readonly<Record<Computed, readonly number[]>> = {
  float32: [0, -0, 1, -1, 0.5, -2.5, 1.5, 3, -7, 100.25, nan, inf, -inf],
  int32: [0, 1, -1, 2, -3, 7, -7, 31, 100, -100, 65536, 2147483647, -2147483648],
  uint32: [0, 1, 2, 3, 7, 31, 100, 65536, 2147483647, 2147483648, 4294967295],
  bool: [0, 1],
  float64: [0, -0, 1, -1, 0.5, -2.5, 1.5, 3, 0.1, -700.25, 1e200, nan, inf, -inf],
  int64: [0, 1, -1, 2, -3, 7, 31, 65, -100, 2147483648, -(2 ** 40) - 1, MOST, -MOST],
  uint64: [0, 1, 2, 3, 7, 31, 65, 100, 4294967296, 2 ** 40 + 1, MOST],
};

interface Input {
  readonly dtype: DType;
  readonly values: readonly number[];
}

export interface ScalarCase {
  /** Cases of one subject are one test. */
  readonly subject: string;
  readonly title: string;
  readonly kernel: ThreadKernel;
  /** Bytes of each buffer; the last one is the result. */
  readonly contents: readonly Uint8Array[];
  readonly result: DType;
  /** For vectors, then for scalars. */
  readonly want: readonly number[];
  /** Up to 4 units of the last place (of a double: 1e-14 of it), or exact. */
  readonly close: boolean;
}

type Make = (lanes: 1 | 4, args: readonly TExpr[]) => TExpr;

const kernelOf = (inputs: readonly Input[], result: DType, make: Make): ThreadKernel => {
  const count = inputs[0]!.values.length;
  const buffer = (name: string, dtype: DType, elements: number, write: boolean): ThreadBuffer => ({
    name,
    dtype,
    space: 'global',
    access: write ? 'write' : 'read',
    elements,
  });
  const reads = inputs.map((x, i) => buffer(`x${i}`, x.dtype, count, false));
  const out = buffer('out', result, 2 * count, true);
  // of 64 bits there are no vectors
  const four = [...inputs.map((x) => x.dtype), result].some(isWide) ? 1 : 4;
  const loop = (lanes: 1 | 4, first: number): ReturnType<typeof b.forOf> => {
    const i = b.register('i', b.regType('i32'));
    const value = make(
      lanes,
      reads.map((r) => b.loadFrom(r, b.get(i), lanes)),
    );
    const at = b.add(b.get(i), b.i32(first));
    return b.forOf(i, b.i32(0), b.i32(count), lanes, [b.storeTo(out, at, value)]);
  };
  return {
    name: 'op',
    buffers: [...reads, out],
    workgroup: b.register('group', b.regType('i32')),
    local: b.register('local', b.regType('i32')),
    grid: 1,
    threads: 1,
    body: [loop(four, 0), loop(1, count)],
    cost: { flops: 1, bytes: 1 },
    notes: [],
  };
};

const caseOf = (
  names: { readonly subject: string; readonly title?: string },
  inputs: readonly Input[],
  result: DType,
  make: Make,
  want: readonly number[],
  close = false,
): ScalarCase => {
  const zeros = new Array<number>(2 * inputs[0]!.values.length).fill(0);
  return {
    subject: names.subject,
    title: names.title ?? names.subject,
    kernel: kernelOf(inputs, result, make),
    contents: [...inputs.map((x) => encode(x.dtype, x.values)), encode(result, zeros)],
    result,
    want: [...want, ...want],
    close,
  };
};

const constant = (type: RegType, value: number): TExpr => ({ kind: 'const', type, value });
const operation = (op: ScalarOp, type: RegType, ...args: TExpr[]): TExpr => ({
  kind: 'op',
  op,
  type,
  args,
});

/** All combinations of operand values, padded to whole vectors. */
const combinations = (dtypes: readonly Computed[]): number[][] => {
  let rows: number[][] = [[]];
  for (const d of dtypes) rows = rows.flatMap((r) => VALUES[d].map((v) => [...r, v]));
  const some = rows.length > 4000 ? rows.filter((_, i) => i % 7 === 0) : rows;
  while (some.length % 4 !== 0) some.push(some[0]!);
  return some;
};

const casesOfOp = (op: ScalarOp): ScalarCase[] => {
  const { arity, dtype: typing } = scalarOps[op];
  return COMPUTED.flatMap((d): ScalarCase[] => {
    const dtypes: Computed[] = new Array<Computed>(arity).fill(d);
    if (op === 'select') dtypes[0] = 'bool';
    const result = typing(...dtypes);
    if (result === undefined) return [];
    const rows = combinations(dtypes);
    const inputs = dtypes.map((dtype, i) => ({ dtype, values: rows.map((r) => r[i]!) }));
    const elem = registerOf(result);
    const value = valueIn(op, d);
    const want = rows.map((row) => roundTo(result, value(...row)));
    const make: Make = (lanes, args) => operation(op, { elem, lanes }, ...args);
    return [caseOf({ subject: op, title: `${op} of ${d}` }, inputs, result, make, want, true)];
  });
};

/** Division by constants, with and without known signs. */
const divisions = (): ScalarCase[] => {
  const values = [...VALUES.int32, 12, -12, 13];
  const bytes = Array.from({ length: 256 }, (_, i) => i);
  const inputs = [
    { dtype: 'int32', values },
    { dtype: 'uint8', values: bytes },
  ] as const;
  return [1, 2, 3, 7, 8, 100, 65537].flatMap((by) =>
    (['floordiv', 'mod'] as const).flatMap((op) =>
      inputs.map((input) =>
        caseOf(
          { subject: 'division by constants', title: `${op} of ${input.dtype} by ${by}` },
          [input],
          'int32',
          (lanes, [x]) => {
            const type = b.regType('i32', lanes);
            return operation(op, type, x!, constant(type, by));
          },
          input.values.map((x) => roundTo('int32', valueIn(op, 'int32')(x, by))),
        ),
      ),
    ),
  );
};

/** Shifts by one amount for all lanes. */
const shifts = (): ScalarCase[] =>
  (['int32', 'uint32'] as const).flatMap((dtype) =>
    (['shl', 'shr'] as const).flatMap((op) =>
      [0, 1, 5, 31].map((by) => {
        const values = [...VALUES[dtype], ...VALUES[dtype], ...VALUES[dtype], ...VALUES[dtype]];
        return caseOf(
          { subject: 'shifts by constants', title: `${dtype} ${op} ${by}` },
          [{ dtype, values }],
          dtype,
          (lanes, [x]) => {
            const type = b.regType(registerOf(dtype), lanes);
            return operation(op, type, x!, constant(type, by));
          },
          values.map((x) => roundTo(dtype, scalarOps[op].value(x, by))),
        );
      }),
    ),
  );

/** Against numbers that are known, infinite ones and NaN too, on either side. */
const extremes = (): ScalarCase[] => {
  const values = [nan, 1, -1, inf];
  return (['min', 'max', 'add'] as const).flatMap((op) =>
    [0, inf, -inf, nan].flatMap((known) =>
      [true, false].map((first) =>
        caseOf(
          { subject: 'minimum and maximum with a constant keep NaN', title: `${op} ${known}` },
          [{ dtype: 'float32', values }],
          'float32',
          (lanes, [x]) => {
            const type = b.regType('f32', lanes);
            const c = constant(type, known);
            return first ? operation(op, type, c, x!) : operation(op, type, x!, c);
          },
          values.map((x) => scalarOps[op].value(x, known)),
        ),
      ),
    ),
  );
};

const squares = (): ScalarCase[] => {
  const values = VALUES.float32.slice(0, 12);
  return [
    caseOf(
      { subject: 'squares' },
      [{ dtype: 'float32', values }],
      'float32',
      (lanes, [x]) => {
        const type = b.regType('f32', lanes);
        return operation('pow', type, x!, constant(type, 2));
      },
      values.map((x) => Math.fround(x * x)),
    ),
  ];
};

/** Constants of all kinds, folded where a language would refuse them. */
const constants = (): ScalarCase[] => {
  const subject = 'constants of all kinds';
  const floats = [0, -0, 1, -1, 0.1, 1.2e-38, 3.4028234663852886e38, -1e-7, 1e21, 16777217];
  const least = (lanes: 1 | 4): TExpr => {
    const over = operation('add', b.regType('i32'), b.i32(2147483647), b.i32(1));
    return lanes === 4 ? { kind: 'splat', type: b.regType('i32', 4), arg: over } : over;
  };
  return [
    ...floats.map((c) =>
      caseOf(
        { subject, title: `${c}` },
        [{ dtype: 'float32', values: [0, 0, 0, 0] }],
        'float32',
        (lanes, [x]) => {
          const type = b.regType('f32', lanes);
          const zero = operation('mul', type, constant(type, c), constant(type, 0));
          return operation('add', type, x!, operation('add', type, zero, constant(type, c)));
        },
        new Array<number>(4).fill(Math.fround(c) + 0),
      ),
    ),
    caseOf(
      { subject, title: 'the least integer' },
      [{ dtype: 'int32', values: [1, 2, 3, 4] }],
      'int32',
      (lanes, [x]) => operation('add', b.regType('i32', lanes), x!, least(lanes)),
      [1, 2, 3, 4].map((x) => x - 2147483648),
    ),
  ];
};

const FLOATS = [255.9, 256, -0.9, 3e9, 5e9, -3e9, 65504, 65519.9, 65520, 1e-8, 6e-8, 2 ** -25];
const extraOf = (from: Computed): readonly number[] => {
  if (from === 'float64') return [...FLOATS, 1e19, -1e19, 1e300, 2 ** 53 + 2];
  if (from === 'float32') return [...FLOATS, 1.0009765, 2049, 2051, 1e-40, 1e19, -1e19];
  return from === 'bool' ? [] : [255, 256, 300, 65505, 100000];
};

const conversion = (from: Computed, to: DType): ScalarCase => {
  const values = [...VALUES[from], ...extraOf(from)];
  while (values.length % 4 !== 0) values.push(values[0]!);
  const elem = registerOf(to);
  const result = registerDType[elem] as Computed;
  return caseOf(
    { subject: `cast ${from} to ${to}` },
    [{ dtype: from, values }],
    result,
    (lanes, [arg]) => ({ kind: 'cast', type: { elem, lanes }, to, arg: arg! }),
    values.map((x) => roundTo(result, castTo(to, roundTo(from, x)))),
  );
};

/** Loads and stores of dtypes that are computed in wider registers, negative and out of range. */
const storage = (dtypes: readonly DType[]): ScalarCase[] =>
  dtypes.map((dtype) => {
    const values = [0, 1, -1, 127, 128, -128, 255, 256, 32767, 32768, -32769, 65535, 65536];
    while (values.length % 4 !== 0) values.push(7);
    const stored = values.map((x) => roundTo(dtype, x));
    return caseOf(
      { subject: `loads and stores of ${dtype}` },
      [
        { dtype: 'int32', values },
        { dtype, values: stored },
      ],
      dtype,
      (_lanes, [x, y]) => operation('sub', x!.type, operation('add', x!.type, x!, y!), y!),
      stored,
    );
  });

/** All cases, by subject. `wide`: those of 64 bits too. */
export const scalarCases = (wide: boolean): ReadonlyMap<string, readonly ScalarCase[]> => {
  const all = [
    ...SCALAR_OPS.flatMap(casesOfOp),
    ...divisions(),
    ...shifts(),
    ...extremes(),
    ...squares(),
    ...constants(),
    ...storage(['int8', 'uint8', 'int16', 'uint16']),
    ...COMPUTED.flatMap((from) =>
      // from 64 bits to less than 32 goes by 32
      DTYPES.filter((to) => !isWide(from) || to === 'bool' || bytesOf(to) >= 4).map((to) =>
        conversion(from, to),
      ),
    ),
  ];
  const bySubject = new Map<string, ScalarCase[]>();
  for (const one of all)
    if (wide || !one.kernel.buffers.some((x) => isWide(x.dtype)))
      bySubject.set(one.subject, [...(bySubject.get(one.subject) ?? []), one]);
  return bySubject;
};

const ulps = (x: number, y: number): number =>
  Math.abs(x - y) / Math.max(2 ** -149, 2 ** (Math.floor(Math.log2(Math.abs(y))) - 23));
const same = (got: number, want: number): boolean =>
  got === want || (Number.isNaN(got) && Number.isNaN(want));

/** What is wrong with results, if something is. */
export const wrongOf = (
  { title, want, close, result }: ScalarCase,
  got: readonly number[],
): string[] =>
  want.flatMap((w, i) => {
    const g = got[i]!;
    const near = result === 'float64' ? Math.abs(g - w) <= 1e-14 * Math.abs(w) : ulps(g, w) <= 4;
    if (same(g, w) || (close && near)) return [];
    return [`${title}, ${i < want.length / 2 ? 'vector' : 'scalar'} ${i}: ${g}, not ${w}`];
  });
