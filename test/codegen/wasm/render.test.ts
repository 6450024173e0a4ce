/** Kernels as WebAssembly compute what the interpreter of Thread IR computes; addresses are shared and stepped. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmCaps } from '../../../src/codegen/wasm/caps.ts';
import { kernelText } from '../../../src/codegen/wasm/wat.ts';
import { type DType, isFloat } from '../../../src/ir/dtype.ts';
import * as b from '../../../src/ir/thread/build.ts';
import { interpretThread } from '../../../src/ir/thread/interpret.ts';
import type { TExpr, ThreadBuffer, ThreadKernel, TStmt } from '../../../src/ir/thread/thread.ts';
import { verifyThread } from '../../../src/ir/thread/verify.ts';
import { decode, encode, runKernel } from '../../support/wasm.ts';

const SIZE = 64;
const caps = wasmCaps(false);
const INT = b.regType('i32');

const buffer = (
  name: string,
  access: ThreadBuffer['access'],
  elements = SIZE,
  dtype: DType = 'float32',
  space: ThreadBuffer['space'] = 'global',
): ThreadBuffer => ({ name, dtype, space, access, elements });

const kernelOf = (
  buffers: readonly ThreadBuffer[],
  body: (workgroup: TExpr) => TStmt[],
  grid = 1,
): ThreadKernel => {
  const workgroup = b.register('group', INT);
  const kernel: ThreadKernel = {
    name: 'test',
    buffers,
    workgroup,
    local: b.register('local', b.regType('i32')),
    grid,
    threads: 1,
    body: body(b.get(workgroup)),
    cost: { flops: 0, bytes: 0 },
    notes: [],
  };
  verifyThread(kernel);
  return kernel;
};

/** Runs the kernel both ways; the results must have the same bits. */
const check = (kernel: ThreadKernel, contents: readonly (readonly number[])[]): number[][] => {
  const globals = kernel.buffers.filter((x) => x.space === 'global');
  const memory = new Map(globals.map((g, i) => [g, Float64Array.from(contents[i]!)]));
  const bytes = globals.map((g, i) => encode(g.dtype, contents[i]!));
  const got = runKernel(kernel, caps, bytes).map((x, i) => decode(globals[i]!.dtype, x));
  interpretThread(kernel, memory);
  globals.forEach((g, i) => {
    assert.equal(got[i], [...memory.get(g)!], g.name);
  });
  return got;
};

const ramp = (n: number): number[] => Array.from({ length: n }, (_, i) => ((i * 7) % 13) - 3);
const zeros = (n: number): number[] => new Array<number>(n).fill(0);

const loop = (name: string, to: number | TExpr, body: (i: TExpr) => TStmt[], step = 1): TStmt => {
  const counter = b.register(name, INT);
  const end = typeof to === 'number' ? b.i32(to) : to;
  return b.forOf(counter, b.i32(0), end, step, body(b.get(counter)));
};

test('nested loops, workgroups, lets, branches', () => {
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
    8,
  );
  check(kernel, [ramp(8 * SIZE), zeros(8 * SIZE)]);
});

test('variables, a loop whose end is a variable read once, an empty loop', () => {
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

test('vectors: loads in the middle, splat loads, shuffles, lanes, vec4, fma', () => {
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
        const mask = b.operate('lt', v, w);
        return [b.storeTo(y, i, b.operate('select', mask, b.fma(mixed, parts, w), v))];
      },
      4,
    ),
  ]);
  check(kernel, [ramp(SIZE), zeros(SIZE)]);
});

test('vectors of bools are masks: built, taken apart, shuffled, stored', () => {
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
  check(kernel, [ramp(SIZE).map((v) => +(v > 0)), zeros(SIZE)]);
});

test('shared memory is scratch of the workgroup', () => {
  const x = buffer('x', 'read', 4 * SIZE);
  const y = buffer('y', 'write', 4 * SIZE);
  const first = buffer('first', 'readwrite', 7, 'float32', 'shared');
  const second = buffer('second', 'readwrite', SIZE, 'float32', 'shared');
  const kernel = kernelOf(
    [x, y, first, second],
    (group) => {
      const base = b.mul(group, b.i32(SIZE));
      return [
        loop('i', SIZE, (i) => [b.storeTo(second, i, b.loadFrom(x, b.add(base, i)))]),
        loop('j', 7, (j) => [b.storeTo(first, j, b.operate('neg', b.loadFrom(second, j)))]),
        { kind: 'barrier' },
        loop('k', SIZE, (k) => [
          b.storeTo(
            y,
            b.add(base, k),
            b.add(
              b.loadFrom(second, b.operate('sub', b.i32(SIZE - 1), k)),
              b.loadFrom(first, b.operate('mod', k, b.i32(7))),
            ),
          ),
        ]),
      ];
    },
    4,
  );
  check(kernel, [ramp(4 * SIZE), zeros(4 * SIZE)]);
});

test('gathered indices, and an index that depends on what was stored before', () => {
  const x = buffer('x', 'read');
  const at = buffer('at', 'readwrite', SIZE, 'int32');
  const y = buffer('y', 'write');
  const kernel = kernelOf([x, at, y], () => [
    loop('i', SIZE, (i) => {
      const index = b.loadFrom(at, b.i32(5));
      return [
        b.storeTo(y, i, b.loadFrom(x, index)),
        b.storeTo(at, b.i32(5), b.operate('and', b.add(index, b.i32(11)), b.i32(63))),
        b.storeTo(y, i, b.add(b.loadFrom(x, index), b.f32(1))),
      ];
    }),
  ]);
  check(kernel, [ramp(SIZE), zeros(SIZE), zeros(SIZE)]);
});

test('narrow dtypes at odd places, read and written as vectors and scalars', () => {
  for (const dtype of ['uint8', 'float16', 'bfloat16', 'int32', 'uint32', 'bool'] as const) {
    const x = buffer('x', 'read', SIZE, dtype);
    const y = buffer('y', 'write', SIZE, dtype);
    const kernel = kernelOf([x, y], () => [
      loop(
        'i',
        56,
        (i) => [b.storeTo(y, b.add(i, b.i32(3)), b.loadFrom(x, b.add(i, b.i32(5)), 4))],
        4,
      ),
      loop('j', 3, (j) => [b.storeTo(y, j, b.loadFrom(x, j))]),
    ]);
    const values = ramp(SIZE).map((v) =>
      dtype === 'bool' ? +(v > 0) : isFloat(dtype) ? v / 4 : Math.abs(v),
    );
    check(kernel, [values, zeros(SIZE)]);
  }
});

test('large constant offsets, positive and negative', () => {
  const n = 600_000;
  const x = buffer('x', 'read', n);
  const y = buffer('y', 'write', 8);
  const kernel = kernelOf([x, y], () => [
    loop('i', 8, (i) => [
      b.storeTo(
        y,
        i,
        b.add(
          b.loadFrom(x, b.add(i, b.i32(n - 100))),
          b.loadFrom(x, b.add(b.mul(b.add(i, b.i32(70_000)), b.i32(2)), b.i32(-139_990))),
        ),
      ),
    ]),
  ]);
  check(kernel, [ramp(n), zeros(8)]);
});

test('indices less a constant, at the very start of a buffer', () => {
  const x = buffer('x', 'read');
  const y = buffer('y', 'write');
  const counter = b.register('i', INT);
  const i = b.get(counter);
  const kernel = kernelOf([x, y], () => [
    b.forOf(counter, b.i32(9), b.i32(SIZE), 1, [
      b.storeTo(y, b.add(i, b.i32(-9)), b.loadFrom(x, b.operate('sub', i, b.i32(8)))),
    ]),
  ]);
  check(kernel, [ramp(SIZE), zeros(SIZE)]);
});

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
  const x = buffer('x', 'read', 128);
  const s = buffer('s', 'readwrite', 128, 'float32', 'shared');
  const y = buffer('y', 'readwrite', 4 * 128);
  let names = 0;
  const body = (depth: number, counters: readonly TExpr[], base: TExpr): TStmt[] => {
    const out: TStmt[] = [];
    const index = (): TExpr => {
      // at most three counters below 4, times at most 4, plus at most 40: below 124
      let sum: TExpr = b.i32(pick(8));
      for (const c of counters) {
        const by = pick(5);
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
        const test = b.operate('lt', b.loadFrom(x, index()), b.f32(2));
        out.push(b.ifOf(test, body(depth + 1, counters, base), body(depth + 1, counters, base)));
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
    4,
  );
};

test('300 random kernels, seeds 1 to 300', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const kernel = randomKernel(seed);
    try {
      check(kernel, [ramp(128), ramp(512)]);
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`);
    }
  }
});

test('text: one pointer a stream, stepped along the loop, and nothing else inside', () => {
  const x = buffer('x', 'read', 4 * SIZE);
  const y = buffer('y', 'write', 4 * SIZE);
  const kernel = kernelOf(
    [x, y],
    (group) => [
      loop(
        'column',
        SIZE,
        (c) => {
          const at = b.add(b.mul(group, b.i32(SIZE)), c);
          return [
            b.storeTo(
              y,
              at,
              b.operate('mul', b.loadFrom(x, at, 4), b.constantOf(0.5, b.regType('f32', 4))),
            ),
          ];
        },
        4,
      ),
    ],
    4,
  );
  const text = kernelText(kernel, caps);
  const inner = text.slice(text.indexOf('(loop $column'), text.indexOf('(br_if $column'));
  assert.is(
    inner.replace(/\s+/g, ' ').trim(),
    '(loop $column (v128.store (local.get $at_y) (f32x4.mul (v128.load (local.get $at_x)) (local.get $c0.5)))' +
      ' (local.set $at_x (i32.add (local.get $at_x) (i32.const 16)))' +
      ' (local.set $at_y (i32.add (local.get $at_y) (i32.const 16)))' +
      ' (local.set $column (i32.add (local.get $column) (i32.const 4)))',
  );
});

test.run();
