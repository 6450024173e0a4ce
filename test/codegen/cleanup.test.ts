/**
 * Clean-up of Thread IR keeps what kernels compute (random kernels, bit for bit) and leaves what it promises to leave.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanup } from '../../src/codegen/cleanup.ts';
import * as b from '../../src/ir/thread/build.ts';
import { interpretThread } from '../../src/ir/thread/interpret.ts';
import { printThread } from '../../src/ir/thread/print.ts';
import type {
  Register,
  TExpr,
  ThreadBuffer,
  ThreadKernel,
  TStmt,
} from '../../src/ir/thread/thread.ts';
import { verifyThread } from '../../src/ir/thread/verify.ts';

const SIZE = 64;
const buffer = (
  name: string,
  access: ThreadBuffer['access'],
  dtype: ThreadBuffer['dtype'] = 'float32',
  space: ThreadBuffer['space'] = 'global',
): ThreadBuffer => ({ name, dtype, space, access, elements: SIZE });

const kernelOf = (
  buffers: readonly ThreadBuffer[],
  body: (workgroup: TExpr) => TStmt[],
  grid = 1,
): ThreadKernel => {
  const workgroup = b.register('workgroup', b.regType('i32'));
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

const cleaned = (kernel: ThreadKernel): ThreadKernel => {
  const result = cleanup(kernel);
  verifyThread(result);
  return result;
};

const loop = (
  name: string,
  from: number | TExpr,
  to: number | TExpr,
  make: (i: TExpr) => TStmt[],
): TStmt => {
  const counter = b.register(name, b.regType('i32'));
  const index = (x: number | TExpr): TExpr => (typeof x === 'number' ? b.i32(x) : x);
  return b.forOf(counter, index(from), index(to), 1, make(b.get(counter)));
};

const countIn = (statements: readonly TStmt[], what: (e: TExpr) => boolean): number => {
  const walk = (e: TExpr): number => {
    let n = what(e) ? 1 : 0;
    if (e.kind === 'op' || e.kind === 'vec4') for (const a of e.args) n += walk(a);
    else if (e.kind === 'cast' || e.kind === 'splat' || e.kind === 'lane') n += walk(e.arg);
    else if (e.kind === 'fma') n += walk(e.a) + walk(e.b) + walk(e.c);
    else if (e.kind === 'load') n += walk(e.index);
    else if (e.kind === 'shuffle') n += walk(e.a) + walk(e.b);
    return n;
  };
  let n = 0;
  for (const s of statements) {
    if (s.kind === 'let' || s.kind === 'var' || s.kind === 'set') n += walk(s.value);
    else if (s.kind === 'store') n += walk(s.index) + walk(s.value);
    else if (s.kind === 'for') n += walk(s.from) + walk(s.to) + countIn(s.body, what);
    else if (s.kind === 'if')
      n += walk(s.condition) + countIn(s.then, what) + countIn(s.otherwise, what);
  }
  return n;
};
const isOp =
  (op: string) =>
  (e: TExpr): boolean =>
    e.kind === 'op' && e.op === op;

test('index arithmetic leaves the loops it does not change in', () => {
  const x = buffer('x', 'read');
  const y = buffer('y', 'write');
  const kernel = kernelOf([x, y], (w) => [
    loop('i', 0, 4, (i) => [
      loop('j', 0, 4, (j) => {
        const at = b.add(b.add(b.mul(w, b.i32(16)), b.mul(i, b.i32(4))), j);
        const from = b.add(b.mul(j, b.i32(4)), i);
        return [b.storeTo(y, at, b.loadFrom(x, from))];
      }),
    ]),
  ]);
  const [outer, nest] = cleaned(kernel).body;
  assert.is(outer!.kind, 'let');
  assert.ok(nest!.kind === 'for');
  const inner = nest!.kind === 'for' ? nest!.body.at(-1)! : undefined;
  assert.is(inner?.kind === 'for' ? countIn(inner.body, isOp('mul')) : -1, 1);
  assert.is(inner?.kind === 'for' ? countIn(inner.body, isOp('add')) : -1, 2);
});

test('equal expressions are computed once', () => {
  const x = buffer('x', 'read');
  const y = buffer('y', 'write');
  const e = (): TExpr => b.operate('exp', b.loadFrom(x, b.i32(3)));
  const kernel = kernelOf([x, y], () => [
    b.storeTo(y, b.i32(0), b.operate('add', e(), e())),
    b.storeTo(y, b.i32(1), e()),
  ]);
  assert.is(countIn(cleaned(kernel).body, isOp('exp')), 1);
});

test('a load from a read-only buffer leaves a loop that surely runs, and no other', () => {
  const x = buffer('x', 'read');
  const n = buffer('n', 'read', 'int32');
  const y = buffer('y', 'write');
  const body = (to: number | TExpr): ThreadKernel =>
    kernelOf([x, n, y], () => [
      loop('i', 0, to, (i) => [b.storeTo(y, i, b.loadFrom(x, b.i32(7)))]),
    ]);
  assert.is(cleaned(body(9)).body[0]!.kind, 'let');
  assert.is(cleaned(body(b.loadFrom(n, b.i32(0)))).body.at(-1)!.kind, 'for');
  assert.is(cleaned(body(b.loadFrom(n, b.i32(0)))).body.length, 1);
});

test('a load does not pass a store to its buffer', () => {
  const y = buffer('y', 'readwrite');
  const at = b.i32(0);
  const old = b.register('old', b.regType('f32'));
  const kernel = kernelOf([y], () => [
    b.letOf(old, b.loadFrom(y, at)),
    b.storeTo(y, at, b.f32(1)),
    b.storeTo(y, b.i32(1), b.get(old)),
    b.storeTo(y, b.i32(2), b.loadFrom(y, at)),
  ]);
  const memory = Float64Array.from({ length: SIZE }, () => 5);
  interpretThread(cleaned(kernel), new Map([[y, memory]]));
  assert.equal([...memory.slice(0, 3)], [1, 5, 1]);
});

test('a copy of a var keeps the old value', () => {
  const y = buffer('y', 'write');
  const v = b.register('v', b.regType('i32'));
  const old = b.register('old', b.regType('i32'));
  const kernel = kernelOf([y], () => [
    b.varOf(v, b.i32(3)),
    b.letOf(old, b.get(v)),
    b.setOf(v, b.i32(9)),
    b.storeTo(y, b.get(old), b.f32(1)),
    b.storeTo(y, b.get(v), b.f32(2)),
  ]);
  const memory = new Float64Array(SIZE);
  interpretThread(cleaned(kernel), new Map([[y, memory]]));
  assert.equal([memory[3], memory[9]], [1, 2]);
});

test('comparisons that the bounds of counters settle disappear', () => {
  const y = buffer('y', 'write');
  const kernel = kernelOf([y], () => [
    loop('i', 0, 8, (i) => [
      b.ifOf(b.operate('lt', i, b.i32(8)), [b.storeTo(y, i, b.f32(1))], []),
      b.ifOf(b.operate('ge', i, b.i32(8)), [b.storeTo(y, i, b.f32(2))], []),
    ]),
  ]);
  const [only] = cleaned(kernel).body;
  assert.equal(only!.kind === 'for' && only!.body.map((s) => s.kind), ['store']);
});

test('loops of one pass and lets without use disappear', () => {
  const x = buffer('x', 'read');
  const y = buffer('y', 'write');
  const kernel = kernelOf([x, y], () => [
    loop('i', 0, 1, (i) => [
      b.letOf(b.register('unused', b.regType('f32')), b.loadFrom(x, i)),
      b.storeTo(y, i, b.f32(1)),
    ]),
  ]);
  assert.equal(
    cleaned(kernel).body.map((s) => s.kind),
    ['store'],
  );
});

// Random kernels: the same memory before and after, bit for bit.

const generator = (seed: number): ((n: number) => number) => {
  let state = seed | 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 10) % n;
  };
};

const randomKernel = (seed: number): ThreadKernel => {
  const pick = generator(seed);
  const x = buffer('x', 'read');
  const n = buffer('n', 'read', 'int32');
  const y = buffer('y', 'readwrite');
  const s = buffer('s', 'readwrite', 'float32', 'shared');
  const floats: Register[] = [];
  const vectors: Register[] = [];
  const ints: TExpr[] = [];
  const vars: Register[] = [];
  let names = 0;
  const oneOf = <T>(list: readonly T[]): T => list[pick(list.length)]!;

  const int = (depth: number): TExpr => {
    switch (depth <= 0 ? pick(2) : pick(9)) {
      case 0:
        return b.i32(pick(7) - 2);
      case 1:
        return oneOf(ints);
      case 2:
      case 3:
        return { ...b.add(int(depth - 1), int(depth - 1)) };
      case 4:
        return b.operate('sub', int(depth - 1), int(depth - 1));
      case 5:
        return b.mul(int(depth - 1), b.i32(pick(6) - 1));
      case 6:
        return b.operate(oneOf(['floordiv', 'mod'] as const), int(depth - 1), b.i32(1 + pick(5)));
      case 7:
        return b.operate(oneOf(['min', 'max', 'mul'] as const), int(depth - 1), int(depth - 1));
      default:
        return b.loadFrom(n, address(depth - 1, 1));
    }
  };
  const address = (depth: number, lanes: number): TExpr =>
    b.operate('mod', int(depth), b.i32(SIZE - lanes + 1));
  const bool = (depth: number): TExpr =>
    b.operate(oneOf(['lt', 'le', 'gt', 'ge', 'eq', 'ne'] as const), int(depth), int(depth));
  const float = (depth: number): TExpr => {
    switch (depth <= 0 ? pick(2) : pick(7)) {
      case 0:
        return b.f32(pick(9) / 4 - 1);
      case 1:
        return floats.length > 0 ? b.get(oneOf(floats)) : b.f32(0.5);
      case 2:
        return b.loadFrom(oneOf([x, y, s]), address(depth - 1, 1));
      case 3:
        return b.operate(oneOf(['add', 'mul', 'sub'] as const), float(depth - 1), float(depth - 1));
      case 4:
        return b.operate('select', bool(depth - 1), float(depth - 1), float(depth - 1));
      case 5:
        return b.laneOf(vector(depth - 1), oneOf([0, 1, 2, 3] as const));
      default:
        return b.fma(float(depth - 1), float(depth - 1), float(depth - 1));
    }
  };
  const vector = (depth: number): TExpr => {
    switch (depth <= 0 ? pick(2) : pick(6)) {
      case 0:
        return b.splat(float(0));
      case 1:
        return vectors.length > 0 ? b.get(oneOf(vectors)) : b.splat(float(0));
      case 2:
        return b.loadFrom(oneOf([x, y, s]), address(depth - 1, 4), 4);
      case 3:
        return b.fma(vector(depth - 1), vector(depth - 1), vector(depth - 1));
      case 4:
        return b.vec4(float(depth - 1), float(0), float(0), float(depth - 1));
      default:
        return b.shuffle(vector(depth - 1), vector(depth - 1), [pick(8), pick(8), 0, 7]);
    }
  };
  const statements = (depth: number): TStmt[] => {
    const [f, v, i, r] = [floats.length, vectors.length, ints.length, vars.length];
    const out: TStmt[] = [];
    for (let count = 2 + pick(5); count > 0; count--) out.push(statement(depth));
    floats.length = f;
    vectors.length = v;
    ints.length = i;
    vars.length = r;
    return out;
  };
  const declare = (list: Register[], kind: 'let' | 'var', value: TExpr): TStmt => {
    const reg = b.register(`r${names++}`, value.type);
    list.push(reg);
    if (kind === 'var') vars.push(reg);
    return { kind, register: reg, value };
  };
  const statement = (depth: number): TStmt => {
    switch (pick(depth > 0 ? 10 : 7)) {
      case 0:
        return declare(floats, pick(2) === 0 ? 'let' : 'var', float(3));
      case 1:
        return declare(vectors, pick(2) === 0 ? 'let' : 'var', vector(3));
      case 2: {
        const reg = b.register(`i${names++}`, b.regType('i32'));
        const value = int(3);
        ints.push(b.get(reg));
        return b.letOf(reg, value);
      }
      case 3:
        return b.storeTo(oneOf([y, s]), address(2, 1), float(3));
      case 4:
        return b.storeTo(oneOf([y, s]), address(2, 4), vector(3));
      case 5:
      case 6: {
        if (vars.length === 0) return b.storeTo(y, address(2, 1), float(2));
        const target = oneOf(vars);
        return b.setOf(target, target.type.lanes === 4 ? vector(2) : float(2));
      }
      case 7:
        return b.ifOf(bool(2), statements(depth - 1), statements(depth - 1));
      default: {
        const counter = b.register(`k${names++}`, b.regType('i32'));
        const [from, to] = [
          pick(2),
          pick(3) === 0 ? b.operate('min', int(1), b.i32(4)) : b.i32(pick(5)),
        ];
        ints.push(b.get(counter));
        const inside = statements(depth - 1);
        ints.splice(
          ints.findIndex((e) => e.kind === 'get' && e.register === counter),
          1,
        );
        return b.forOf(counter, b.i32(from), to, 1 + pick(2), inside);
      }
    }
  };
  return kernelOf([x, n, y, s], (w) => {
    ints.push(w);
    const fill = loop('z', 0, SIZE, (z) => [b.storeTo(s, z, b.f32(0.25))]);
    return [fill, ...statements(3)];
  });
};

test('random kernels compute the same, bit for bit (400 seeds)', () => {
  let before = 0;
  let after = 0;
  for (let seed = 1; seed <= 400; seed++) {
    const kernel = randomKernel(seed);
    const result = cleaned(kernel);
    const run = (k: ThreadKernel): Float64Array => {
      const memory = k.buffers
        .filter((m) => m.space === 'global')
        .map((m, j) => {
          const pick = generator(seed * 31 + j);
          const scale = m.dtype === 'int32' ? 1 : 1 / 8;
          return Float64Array.from({ length: SIZE }, () => (pick(17) - 8) * scale);
        });
      interpretThread(k, new Map(memory.map((m, j) => [k.buffers[j]!, m])));
      return memory[2]!;
    };
    const [want, got] = [run(kernel), run(result)];
    if (!want.every((w, i) => Object.is(w, got[i])))
      throw new Error(
        `seed ${seed}\n${printThread(kernel)}\n${printThread(result)}\n${want}\n${got}`,
      );
    before += countIn(kernel.body, () => true);
    after += countIn(result.body, () => true);
  }
  assert.ok(after < 0.8 * before, `${before} expressions before, ${after} after`);
});

test.run();
