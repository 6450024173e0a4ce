/**
 * Kernels over memory of every dtype and shape, for code generators to say: what they compute, the interpreter of Thread
 * IR knows.
 *
 * Invariant: nothing here depends on a target; every kernel is verified when it is made.
 */
import { bytesOf, DTYPES, type DType, isFloat, isWide, kindOf } from '../../src/ir/dtype.ts';
import * as b from '../../src/ir/thread/build.ts';
import { interpretThread } from '../../src/ir/thread/interpret.ts';
import {
  type RegType,
  registerOf,
  type TExpr,
  type ThreadBuffer,
  type ThreadKernel,
  type TStmt,
} from '../../src/ir/thread/thread.ts';
import { verifyThread } from '../../src/ir/thread/verify.ts';
import { bfloatBorders } from '../support/bfloat.ts';
import { decode } from '../support/wasm.ts';

export const SIZE: number = 64;
export const INT: RegType = b.regType('i32');

export const buffer = (
  name: string,
  access: ThreadBuffer['access'],
  elements: number = SIZE,
  dtype: DType = 'float32',
  space: ThreadBuffer['space'] = 'global',
): ThreadBuffer => ({ name, dtype, space, access, elements });

interface Size {
  readonly grid?: number;
  readonly threads?: number;
  readonly name?: string;
}

export const kernelOf = (
  buffers: readonly ThreadBuffer[],
  body: (workgroup: TExpr, local: TExpr) => TStmt[],
  { grid = 1, threads = 1, name = 'test' }: Size = {},
): ThreadKernel => {
  const workgroup = b.register('group', INT);
  const local = b.register('thread', INT);
  const kernel: ThreadKernel = {
    name,
    buffers,
    workgroup,
    local,
    grid,
    threads,
    body: body(b.get(workgroup), b.get(local)),
    cost: { flops: 0, bytes: 0 },
    notes: [],
  };
  verifyThread(kernel);
  return kernel;
};

const LANED: readonly DType[] = DTYPES.filter((d) => !isWide(d));

export const ramp = (n: number): number[] =>
  Array.from({ length: n }, (_, i) => ((i * 7) % 13) - 3);
export const zeros = (n: number): number[] => new Array<number>(n).fill(0);
export const valuesOf = (dtype: DType, n: number): number[] =>
  ramp(n).map((v) =>
    dtype === 'bool'
      ? +(v > 0)
      : isFloat(dtype)
        ? v / 4
        : kindOf(dtype) === 'int'
          ? v
          : Math.abs(v),
  );

export const loop = (
  name: string,
  to: number | TExpr,
  body: (i: TExpr) => TStmt[],
  step = 1,
): TStmt => {
  const counter = b.register(name, INT);
  const end = typeof to === 'number' ? b.i32(to) : to;
  return b.forOf(counter, b.i32(0), end, step, body(b.get(counter)));
};

/** A kernel, and numbers for each of its global buffers. */
export interface KernelCase {
  readonly kernel: ThreadKernel;
  readonly contents: readonly (readonly number[])[];
}

/** The numbers in each global buffer after a kernel ran. */
export const interpreted = ({ kernel, contents }: KernelCase): number[][] => {
  const globals = kernel.buffers.filter((x) => x.space === 'global');
  const memory = new Map(globals.map((g, i) => [g, Float64Array.from(contents[i]!)]));
  interpretThread(kernel, memory);
  return globals.map((g) => [...memory.get(g)!]);
};

type Check = (kernel: ThreadKernel, contents: readonly (readonly number[])[]) => void;

const makers = new Map<string, (check: Check) => void>();
const define = (title: string, make: (check: Check) => void): void => {
  makers.set(title, make);
};

/** What is tried, by title. */
export const kernelCases = (): ReadonlyMap<string, readonly KernelCase[]> =>
  new Map(
    [...makers].map(([title, make]) => {
      const cases: KernelCase[] = [];
      make((kernel, contents) => {
        cases.push({ kernel, contents });
      });
      return [title, cases];
    }),
  );

define('nested loops, workgroups, lets, branches', (check) => {
  const x = buffer('x', 'read', 8 * SIZE);
  const y = buffer('y', 'write', 8 * SIZE);
  const row = b.register('row', INT);
  const kernel = kernelOf(
    [x, y],
    (group) => [
      b.letOf(row, b.mul(group, b.i32(SIZE))),
      loop('i', 8, (i) => [
        loop('j', 8, (j) => {
          const at = b.add(b.get(row), b.add(b.mul(i, b.i32(8)), j));
          const from = b.add(b.get(row), b.add(b.mul(j, b.i32(8)), i));
          return [
            b.ifOf(
              b.operate('lt', i, j),
              [b.storeTo(y, at, b.loadFrom(x, from))],
              [b.storeTo(y, at, b.operate('neg', b.loadFrom(x, from)))],
            ),
          ];
        }),
      ]),
    ],
    { grid: 8 },
  );
  check(kernel, [ramp(8 * SIZE), zeros(8 * SIZE)]);
});

define('variables, a loop whose end is a variable read once, an empty loop', (check) => {
  const y = buffer('y', 'readwrite', SIZE);
  const n = b.register('n', INT);
  const sum = b.register('sum', b.regType('f32'));
  const kernel = kernelOf([y], () => [
    b.varOf(n, b.i32(3)),
    b.varOf(sum, b.f32(0)),
    loop('i', b.get(n), (i) => [
      b.setOf(n, b.add(b.get(n), b.i32(5))),
      b.setOf(sum, b.add(b.get(sum), b.loadFrom(y, b.add(i, b.i32(1))))),
      b.storeTo(y, b.get(n), b.get(sum)),
    ]),
    b.storeTo(y, b.i32(63), b.get(sum)),
    loop('k', b.operate('sub', b.get(n), b.i32(100)), (k) => [b.storeTo(y, k, b.f32(99))]),
  ]);
  check(kernel, [ramp(SIZE)]);
});

define('vectors: loads in the middle, splat loads, shuffles, lanes, vec4, fma', (check) => {
  const x = buffer('x', 'read');
  const y = buffer('y', 'write');
  const kernel = kernelOf([x, y], () => [
    loop(
      'i',
      SIZE - 4,
      (i) => {
        const v = b.loadFrom(x, b.add(i, b.i32(1)), 4);
        const w = b.splat(b.loadFrom(x, i));
        const mixed = b.shuffle(v, w, [3, 1, 4, 2]);
        const parts = b.vec4(b.laneOf(v, 2), b.laneOf(w, 0), b.f32(0.5), b.laneOf(v, 3));
        const turned = b.shuffle(v, v, [3, 2, 1, 0]);
        const mask = b.operate('lt', v, b.shuffle(v, w, [4, 5, 6, 7]));
        return [
          b.storeTo(y, i, b.operate('select', mask, b.fma(mixed, parts, w), b.add(v, turned))),
        ];
      },
      4,
    ),
  ]);
  check(kernel, [ramp(SIZE), zeros(SIZE)]);
});

define('vectors of bools: built, taken apart, shuffled, stored', (check) => {
  const x = buffer('x', 'read', SIZE, 'bool');
  const y = buffer('y', 'write', SIZE, 'bool');
  const kernel = kernelOf([x, y], () => [
    loop(
      'i',
      SIZE,
      (i) => {
        const v = b.loadFrom(x, i, 4);
        const flag = b.laneOf(v, 1);
        const built = b.vec4(flag, b.laneOf(v, 0), b.operate('not', flag), flag);
        const both = b.operate('xor', b.shuffle(built, v, [4, 1, 2, 7]), b.splat(flag));
        return [b.storeTo(y, i, b.operate('and', both, b.operate('ge', v, built)))];
      },
      4,
    ),
  ]);
  check(kernel, [valuesOf('bool', SIZE), zeros(SIZE)]);
});

define('indices that are read, and depend on what was stored before', (check) => {
  const x = buffer('x', 'read');
  const at = buffer('at', 'readwrite', SIZE, 'int32');
  const y = buffer('y', 'write');
  const kernel = kernelOf([x, at, y], () => [
    loop('i', SIZE, (i) => {
      const index = b.loadFrom(at, b.i32(5));
      return [
        b.storeTo(y, i, b.loadFrom(x, index)),
        b.storeTo(at, b.i32(5), b.operate('and', b.add(index, b.i32(11)), b.i32(63))),
        b.storeTo(y, i, b.add(b.loadFrom(x, b.loadFrom(at, b.i32(5))), b.f32(1))),
      ];
    }),
  ]);
  check(kernel, [ramp(SIZE), zeros(SIZE), zeros(SIZE)]);
});

define('every dtype: whole vectors', (check) => {
  for (const dtype of LANED) {
    const x = buffer('x', 'read', SIZE, dtype);
    const y = buffer('y', 'write', SIZE, dtype);
    const kernel = kernelOf([x, y], () => [
      loop('i', SIZE / 4, (i) => {
        const at = b.mul(i, b.i32(4));
        const back = b.operate('sub', b.i32(SIZE - 4), at);
        return [b.storeTo(y, at, b.loadFrom(x, back, 4))];
      }),
    ]);
    check(kernel, [valuesOf(dtype, SIZE), zeros(SIZE)]);
  }
});

define('every dtype: at odd places, as vectors and scalars', (check) => {
  for (const dtype of LANED) {
    const x = buffer('x', 'read', SIZE, dtype);
    const y = buffer('y', 'readwrite', SIZE, dtype);
    const kernel = kernelOf([x, y], () => [
      loop(
        'i',
        56,
        (i) => [b.storeTo(y, b.add(i, b.i32(3)), b.loadFrom(x, b.add(i, b.i32(5)), 4))],
        4,
      ),
      loop('j', 3, (j) => [b.storeTo(y, j, b.loadFrom(x, j))]),
      b.storeTo(y, b.i32(61), b.loadFrom(y, b.i32(6))),
      b.storeTo(y, b.i32(8), b.loadFrom(y, b.i32(4), 4)),
    ]);
    check(kernel, [valuesOf(dtype, SIZE), valuesOf(dtype, SIZE)]);
  }
});

define('every dtype: vectors read one by one, and the other way round', (check) => {
  for (const dtype of LANED) {
    const x = buffer('x', 'read', SIZE, dtype);
    const y = buffer('y', 'readwrite', SIZE, dtype);
    const kernel = kernelOf([x, y], () => [
      loop(
        'i',
        SIZE,
        (i) => {
          const last = b.add(b.mul(i, b.i32(3)), b.i32(1));
          const one = (n: number): TExpr =>
            b.loadFrom(x, b.operate('and', b.add(last, b.i32(n)), b.i32(63)));
          const known = b.loadFrom(x, b.add(i, b.i32(2)));
          return [b.storeTo(y, i, b.vec4(one(0), known, one(5), b.laneOf(b.loadFrom(x, i, 4), 3)))];
        },
        4,
      ),
    ]);
    check(kernel, [valuesOf(dtype, SIZE), zeros(SIZE)]);
  }
});

/** For devices that have elements of 64 bits: copied, exchanged, and one memory in turn. */
export const wideCase = (dtype: DType): KernelCase => {
  const x = buffer('x', 'read', SIZE, dtype);
  const y = buffer('y', 'readwrite', SIZE, dtype);
  const kept = buffer('kept', 'readwrite', SIZE, dtype, 'shared');
  const other = b.register('other', b.regType(registerOf(dtype)));
  const kernel = kernelOf(
    [x, y, kept],
    (_, thread) => {
      const value = b.add(b.loadFrom(x, thread), b.loadFrom(y, thread));
      const turned = b.operate('sub', b.i32(SIZE - 1), thread);
      return [
        b.exchangeOf(other, value, 5),
        b.storeTo(kept, thread, b.get(other)),
        b.barrier,
        b.storeTo(y, thread, b.mul(b.loadFrom(kept, turned), b.loadFrom(x, thread))),
      ];
    },
    { threads: SIZE },
  );
  return { kernel, contents: [valuesOf(dtype, SIZE), valuesOf(dtype, SIZE)] };
};

define('threads write neighbouring bytes and halves of one word', (check) => {
  for (const dtype of LANED.filter((d) => bytesOf(d) < 4)) {
    const x = buffer('x', 'read', 61, dtype);
    const y = buffer('y', 'readwrite', 61, dtype);
    const kernel = kernelOf(
      [x, y],
      (group, thread) => {
        const at = b.add(b.mul(group, b.i32(16)), thread);
        const turned = b.operate('sub', b.i32(60), at);
        return [b.ifOf(b.operate('lt', at, b.i32(61)), [b.storeTo(y, at, b.loadFrom(x, turned))])];
      },
      { grid: 4, threads: 16 },
    );
    check(kernel, [valuesOf(dtype, 61), valuesOf(dtype, 61)]);
  }
});

define('a value read from the word it is stored to', (check) => {
  const y = buffer('y', 'readwrite', SIZE, 'bool');
  const kernel = kernelOf(
    [y],
    (_, thread) => [b.storeTo(y, thread, b.operate('not', b.loadFrom(y, thread)))],
    { threads: SIZE },
  );
  check(kernel, [valuesOf('bool', SIZE)]);
});

define('float32 is rounded half to even when it is stored as float16', (check) => {
  const values: number[] = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0];
  for (let e = -27; e <= 16; e++)
    for (let m = 0; m < 64; m++) {
      values.push(2 ** e * (1 + m / 64 + 2 ** -11), -(2 ** e) * (1 + m / 64 + 2 ** -12));
      values.push(2 ** e * (1 + m / 64 + 2 ** -11 + 2 ** -20), 2 ** e * (1 + m / 1024));
    }
  const n = values.length;
  const x = buffer('x', 'read', n);
  for (const lanes of [1, 4] as const) {
    const y = buffer('y', 'write', n, 'float16');
    const kernel = kernelOf(
      [x, y],
      (group, thread) => {
        const at = b.mul(b.add(b.mul(group, b.i32(lanes === 1 ? 4 : 1)), thread), b.i32(lanes));
        return [b.storeTo(y, at, b.loadFrom(x, at, lanes))];
      },
      { grid: n / 4, threads: lanes === 1 ? 4 : 1 },
    );
    check(kernel, [values, zeros(n)]);
  }
});

/** Copies `values`, one or four at a time, from a buffer of one dtype to one of another. */
const copied = (check: Check, from: DType, to: DType, values: readonly number[]): void => {
  const n = values.length;
  const x = buffer('x', 'read', n, from);
  const y = buffer('y', 'write', n, to);
  for (const lanes of [1, 4] as const) {
    const kernel = kernelOf(
      [x, y],
      (group, thread) => {
        const at = b.mul(b.add(b.mul(group, b.i32(lanes === 1 ? 4 : 1)), thread), b.i32(lanes));
        return [b.storeTo(y, at, b.loadFrom(x, at, lanes))];
      },
      { grid: n / 4, threads: lanes === 1 ? 4 : 1 },
    );
    check(kernel, [values, zeros(n)]);
  }
};

/** Not those that a device may take for 0. */
const normal = (x: number): boolean => x === 0 || !(Math.abs(x) < 2 ** -126);

define('float32 is rounded half to even when it is stored as bfloat16', (check) => {
  const values = bfloatBorders().filter(normal);
  while (values.length % 4 !== 0) values.push(1);
  copied(check, 'float32', 'bfloat16', values);
});

define('bfloat16 is read exactly', (check) => {
  const bits = Uint8Array.from({ length: 2 * 65536 }, (_, i) => ((i >> 1) >> (8 * (i & 1))) & 255);
  const values = decode('bfloat16', bits).filter(normal);
  copied(check, 'bfloat16', 'float32', values.slice(0, values.length & -4));
});

define('a conversion to bfloat16 rounds, also without a store', (check) => {
  const values = bfloatBorders().filter((x) => normal(x) && Number.isFinite(x));
  const n = values.length & -4;
  const [x, y] = [buffer('x', 'read', n), buffer('y', 'write', n)];
  for (const lanes of [1, 4] as const) {
    const kernel = kernelOf(
      [x, y],
      (group) => {
        const at = b.mul(group, b.i32(lanes));
        return [b.storeTo(y, at, b.convert('bfloat16', b.loadFrom(x, at, lanes)))];
      },
      { grid: n / lanes },
    );
    check(kernel, [values.slice(0, n), zeros(n)]);
  }
});

define('all float16 numbers are read exactly, and rounding to float16 keeps them', (check) => {
  const bytes = new Uint8Array(2 * 65536);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < 65536; i++) view.setUint16(2 * i, i, true);
  const values = decode('float16', bytes);
  const x = buffer('x', 'read', 65536, 'float16');
  const y = buffer('y', 'write', 2 * 65536);
  for (const lanes of [1, 4] as const) {
    const kernel = kernelOf(
      [x, y],
      (group, thread) => {
        const at = b.mul(b.add(b.mul(group, b.i32(64)), thread), b.i32(lanes));
        const value = b.loadFrom(x, at, lanes);
        return [
          b.storeTo(y, at, value),
          b.storeTo(y, b.add(at, b.i32(65536)), b.convert('float16', value)),
        ];
      },
      { grid: 1024 / lanes, threads: 64 },
    );
    check(kernel, [values, zeros(2 * 65536)]);
  }
});

define('shared memory of every dtype, behind a barrier', (check) => {
  for (const dtype of LANED) {
    const x = buffer('x', 'read', 4 * SIZE, dtype);
    const y = buffer('y', 'write', 4 * SIZE, dtype);
    const tile = buffer('tile', 'readwrite', SIZE, dtype, 'shared');
    const kernel = kernelOf(
      [x, y, tile],
      (group, thread) => {
        const own = b.mul(thread, b.i32(4));
        const base = b.mul(group, b.i32(SIZE));
        return [
          b.storeTo(tile, own, b.loadFrom(x, b.add(base, own), 4)),
          { kind: 'barrier' },
          loop('k', 4, (k) => {
            const from = b.operate('sub', b.i32(SIZE - 1), b.add(own, k));
            return [b.storeTo(y, b.add(base, b.add(own, k)), b.loadFrom(tile, from))];
          }),
        ];
      },
      { grid: 4, threads: 16 },
    );
    check(kernel, [valuesOf(dtype, 4 * SIZE), zeros(4 * SIZE)]);
  }
});

/** Sums across threads up to `most` apart. */
export const exchanging = (most: number): KernelCase => {
  const x = buffer('x', 'read', 4 * SIZE);
  const y = buffer('y', 'write', 4 * SIZE);
  const kernel = kernelOf(
    [x, y],
    (_, thread) => {
      const at = b.mul(thread, b.i32(4));
      const out: TStmt[] = [];
      let sum = b.loadFrom(x, at, 4);
      let any = b.operate('gt', b.laneOf(sum, 0), b.f32(8));
      for (let mask = 1; mask < most; mask *= 2) {
        const other = b.register(`other${mask}`, b.regType('f32', 4));
        const flag = b.register(`flag${mask}`, b.regType('bool'));
        const held = b.register(`sum${mask}`, b.regType('f32', 4));
        out.push(
          { kind: 'exchange', register: other, value: sum, mask },
          { kind: 'exchange', register: flag, value: any, mask },
          b.letOf(held, b.add(sum, b.get(other))),
        );
        sum = b.get(held);
        any = b.operate('or', any, b.get(flag));
      }
      const zero = b.constantOf(0, b.regType('f32', 4));
      return [...out, b.storeTo(y, at, b.operate('select', b.splat(any), sum, zero))];
    },
    { threads: SIZE },
  );
  return { kernel, contents: [ramp(4 * SIZE), zeros(4 * SIZE)] };
};

const random = (seed: number): ((n: number) => number) => {
  let state = seed | 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 10) % n;
  };
};

/** Loops, branches and lets over affine indices that stay within the buffers. */
const randomKernel = (seed: number): ThreadKernel => {
  const pick = random(seed);
  const dtype = (['float32', 'bfloat16', 'float16', 'int32', 'uint8'] as const)[pick(5)]!;
  const x = buffer('x', 'read', 128, dtype);
  const s = buffer('s', 'readwrite', 128, dtype, 'shared');
  const y = buffer('y', 'readwrite', 4 * 128, dtype);
  let names = 0;
  const body = (depth: number, counters: readonly TExpr[], base: TExpr): TStmt[] => {
    const out: TStmt[] = [];
    const index = (): TExpr => {
      // at most three counters below 4, times at most 4, plus at most 40: below 124
      let sum: TExpr = b.i32(pick(2) === 0 ? 4 * pick(2) : pick(8));
      for (const c of counters) {
        const by = pick(2) === 0 ? 4 : pick(5);
        const part = pick(2) === 0 ? b.mul(c, b.i32(by)) : b.operate('shl', c, b.i32(pick(3)));
        sum = pick(4) === 0 ? b.operate('sub', b.add(sum, b.i32(16)), c) : b.add(sum, part);
      }
      if (pick(3) > 0) return sum;
      const held = b.register(`at${names++}`, INT);
      out.push(b.letOf(held, sum));
      return b.add(b.get(held), b.i32(pick(3)));
    };
    const read = (lanes: 1 | 4): TExpr => {
      const which = pick(3);
      if (which === 0) return b.loadFrom(x, index(), lanes);
      return which === 1
        ? b.loadFrom(s, index(), lanes)
        : b.loadFrom(y, b.add(base, index()), lanes);
    };
    for (let n = 1 + pick(3); n > 0; n--) {
      const kind = pick(depth < 3 ? 6 : 3);
      if (kind < 3) {
        const lanes = pick(2) === 0 ? 1 : 4;
        const value = b.operate(pick(2) === 0 ? 'max' : 'sub', read(lanes), read(lanes));
        if (pick(3) === 0) out.push(b.storeTo(s, index(), value));
        else out.push(b.storeTo(y, b.add(base, index()), value));
      } else if (kind < 5) {
        const counter = b.register(`i${names++}`, INT);
        const inner = body(depth + 1, [...counters, b.get(counter)], base);
        out.push(b.forOf(counter, b.i32(pick(2)), b.i32(1 + pick(4)), 1 + pick(2), inner));
      } else {
        const two = b.constantOf(2, {
          elem: isFloat(dtype) ? 'f32' : 'i32',
          lanes: 1,
        });
        const condition = b.operate('lt', b.loadFrom(x, index()), two);
        out.push(
          b.ifOf(condition, body(depth + 1, counters, base), body(depth + 1, counters, base)),
        );
      }
    }
    return out;
  };
  return kernelOf(
    [x, y, s],
    (group) => {
      const base = b.register('base', INT);
      return [
        b.letOf(base, b.mul(group, b.i32(128))),
        loop('z', 128, (z) => [b.storeTo(s, z, b.loadFrom(x, z))]),
        ...body(0, [], b.get(base)),
      ];
    },
    { grid: 4, name: `seed ${seed} ${dtype}` },
  );
};

/** A random kernel and what it runs over. */
export const randomCase = (seed: number): KernelCase => {
  const kernel = randomKernel(seed);
  const { dtype } = kernel.buffers[0]!;
  return { kernel, contents: [valuesOf(dtype, 128), valuesOf(dtype, 512)] };
};
