/**
 * Puts the plans of a kernel's nests into one launch: each gets a range of workgroups.
 *
 * Invariant: global buffers stand in the order of the loop kernel's; nests share scratch memory, since a workgroup runs
 * one of them; register and buffer names are unique.
 */
import type { DType } from '../ir/dtype.ts';
import { invariant } from '../ir/errors.ts';
import { operandsIn } from '../ir/loop/access.ts';
import type { LoopBuffer, LoopKernel } from '../ir/loop/loop.ts';
import { get, i32, ifOf, operate, register, regType, sharedBuffer } from '../ir/thread/build.ts';
import { inWords } from '../ir/thread/bulk.ts';
import type { Register, TExpr, ThreadBuffer, ThreadKernel, TStmt } from '../ir/thread/thread.ts';
import { spanOf } from '../ir/type.ts';
import { visitLoads } from './analysis.ts';
import type { NestPlan } from './plan.ts';

/** Makes names unique: `wanted`, or `base` with the first number that is free. */
const namer = (used: Set<string>): ((wanted: string, base: string) => string) => {
  const next = new Map<string, number>();
  return (wanted, base) => {
    let name = wanted;
    let n = next.get(base) ?? 1;
    while (used.has(name)) name = `${base}_${n++}`;
    if (name !== wanted) next.set(base, n);
    used.add(name);
    return name;
  };
};

/** One global buffer for each buffer of the loop kernel. */
const globalBuffers = (kernel: LoopKernel): Map<LoopBuffer, ThreadBuffer> => {
  const read = new Set<LoopBuffer>();
  const written = new Set<LoopBuffer>();
  for (const nest of kernel.nests) {
    for (const s of nest.stores) {
      written.add(s.buffer);
      if (s.mode !== 'set') read.add(s.buffer);
      visitLoads(s.value, (l) => read.add(l.buffer));
    }
    for (const side of operandsIn(nest)) visitLoads(side, (l) => read.add(l.buffer));
  }
  const named = namer(new Set());
  const unique = (name: string): string => {
    const base = name.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d|$)/, '_');
    return named(base, base);
  };
  return new Map(
    kernel.buffers.map((b) => [
      b,
      {
        name: unique(b.name),
        dtype: b.dtype,
        space: 'global',
        access: !written.has(b) ? 'read' : read.has(b) ? 'readwrite' : 'write',
        elements: spanOf(b.shape, b.strides),
      } satisfies ThreadBuffer,
    ]),
  );
};

/** Scratch buffers that any nest can use: the n-th of a dtype is as long as the longest n-th of any nest. */
class Scratch {
  readonly buffers: ThreadBuffer[] = [];
  readonly #lists = new Map<DType, ThreadBuffer[]>();

  constructor(plans: readonly NestPlan[], names: ReadonlySet<string>) {
    const lengths = new Map<DType, number[]>();
    const first = new Map<string, string>();
    for (const plan of plans) {
      const counts = new Map<DType, number>();
      for (const b of plan.shared) {
        const n = counts.get(b.dtype) ?? 0;
        counts.set(b.dtype, n + 1);
        const list = lengths.get(b.dtype) ?? [];
        list[n] = Math.max(list[n] ?? 0, b.elements);
        lengths.set(b.dtype, list);
        if (!first.has(`${b.dtype}${n}`)) first.set(`${b.dtype}${n}`, b.name);
      }
    }
    const taken = new Set(names);
    for (const [dtype, list] of lengths)
      this.#lists.set(
        dtype,
        list.map((elements, n) => {
          let name = first.get(`${dtype}${n}`)!;
          while (taken.has(name)) name += '_';
          taken.add(name);
          const buffer = sharedBuffer(name, dtype, elements);
          this.buffers.push(buffer);
          return buffer;
        }),
      );
  }

  /** What stands for each scratch buffer of a plan. */
  of(plan: NestPlan): Map<ThreadBuffer, ThreadBuffer> {
    const counts = new Map<DType, number>();
    return new Map(
      plan.shared.map((b) => {
        const n = counts.get(b.dtype) ?? 0;
        counts.set(b.dtype, n + 1);
        return [b, this.#lists.get(b.dtype)![n]!];
      }),
    );
  }
}

/** Statements with other buffers, and with registers renamed so that each name is used once. */
const relabel = (
  stmts: readonly TStmt[],
  buffers: ReadonlyMap<ThreadBuffer, ThreadBuffer>,
  ids: readonly Register[],
  rename: (name: string) => string,
): TStmt[] => {
  const registers = new Map<Register, Register>(ids.map((id) => [id, id]));
  const reg = (r: Register): Register => {
    let out = registers.get(r);
    if (out === undefined) {
      out = register(rename(r.name), r.type);
      registers.set(r, out);
    }
    return out;
  };
  const buffer = (b: ThreadBuffer): ThreadBuffer => buffers.get(b) ?? b;
  const done = new Map<TExpr, TExpr>();
  const expr = (e: TExpr): TExpr => {
    let out = done.get(e);
    if (out === undefined) {
      out = rebuild(e);
      done.set(e, out);
    }
    return out;
  };
  const rebuild = (e: TExpr): TExpr => {
    switch (e.kind) {
      case 'const':
        return e;
      case 'get':
        return get(reg(e.register));
      case 'op':
        return { ...e, args: e.args.map(expr) };
      case 'cast':
      case 'splat':
      case 'lane':
        return { ...e, arg: expr(e.arg) };
      case 'fma':
        return { ...e, a: expr(e.a), b: expr(e.b), c: expr(e.c) };
      case 'load':
        return { ...e, buffer: buffer(e.buffer), index: expr(e.index) };
      case 'vec4': {
        const [a, b, c, d] = e.args;
        return { ...e, args: [expr(a), expr(b), expr(c), expr(d)] };
      }
      case 'shuffle':
        return { ...e, a: expr(e.a), b: expr(e.b) };
      case 'bits':
        return { ...e, args: e.args.map(expr) };
      default:
        return e satisfies never;
    }
  };
  const stmt = (s: TStmt): TStmt => {
    switch (s.kind) {
      case 'let':
      case 'var':
      case 'set':
        return { ...s, register: reg(s.register), value: expr(s.value) };
      case 'store':
        return { ...s, buffer: buffer(s.buffer), index: expr(s.index), value: expr(s.value) };
      case 'for':
        return {
          ...s,
          counter: reg(s.counter),
          from: expr(s.from),
          to: expr(s.to),
          body: s.body.map(stmt),
        };
      case 'if':
        return {
          ...s,
          condition: expr(s.condition),
          then: s.then.map(stmt),
          otherwise: s.otherwise.map(stmt),
        };
      case 'exchange':
        return { ...s, register: reg(s.register), value: expr(s.value) };
      case 'mma':
        return {
          ...s,
          accumulator: reg(s.accumulator),
          a: expr(s.a),
          b: [expr(s.b[0]), expr(s.b[1])],
        };
      case 'fragments':
        return {
          ...s,
          register: reg(s.register),
          buffer: buffer(s.buffer),
          index: expr(s.index),
        };
      case 'copy':
        return {
          ...s,
          to: buffer(s.to),
          index: expr(s.index),
          from: buffer(s.from),
          at: expr(s.at),
          when: expr(s.when),
        };
      case 'gates':
        return { ...s, buffer: buffer(s.buffer) };
      case 'roles':
        return {
          ...s,
          roles: s.roles.map((role) => ({
            ...role,
            group: reg(role.group),
            place: reg(role.place),
            body: role.body.map(stmt),
          })),
        };
      case 'expect':
      case 'arrive':
        return { ...s, gates: buffer(s.gates), index: expr(s.index) };
      case 'await':
        return { ...s, gates: buffer(s.gates), index: expr(s.index), phase: expr(s.phase) };
      case 'fetch':
        return {
          ...s,
          to: buffer(s.to),
          index: expr(s.index),
          coordinates: s.coordinates.map(expr),
          gates: buffer(s.gates),
          gate: expr(s.gate),
        };
      case 'products':
        return {
          ...s,
          accumulators: s.accumulators.map(reg),
          a: inWords(s.a)
            ? { words: s.a.words.map(expr) }
            : { ...s.a, buffer: buffer(s.a.buffer), at: expr(s.a.at) },
          b: { ...s.b, buffer: buffer(s.b.buffer), at: expr(s.b.at) },
        };
      case 'settle':
        return { ...s, accumulators: s.accumulators.map(reg) };
      case 'barrier':
      case 'commit':
      case 'wait':
        return s;
      default:
        return s satisfies never;
    }
  };
  return stmts.map(stmt);
};

/** One launch for all plans of a kernel. */
export const assemble = (kernel: LoopKernel, plans: readonly NestPlan[]): ThreadKernel => {
  const globals = globalBuffers(kernel);
  const scratch = new Scratch(plans, new Set([...globals.values()].map((b) => b.name)));
  const workgroup = register('workgroup', regType('i32'));
  const local = register('local', regType('i32'));
  const threads = plans[0]?.threads ?? 1;
  invariant(
    plans.every((p) => p.threads === threads),
    `plans of ${kernel.name} have equal workgroups`,
  );
  const resolve = (b: LoopBuffer): ThreadBuffer => {
    const buffer = globals.get(b);
    invariant(buffer, `kernel ${kernel.name} lists its buffer ${b.name}`);
    return buffer;
  };
  const named = namer(new Set(['workgroup', 'local']));
  const rename = (name: string): string => named(name, name.replace(/_\d+$/, ''));
  const starts: number[] = [];
  let grid = 0;
  for (const plan of plans) {
    starts.push(grid);
    grid += plan.grid;
  }
  /** The statements of plans `low..high - 1`, chosen by halving. */
  const choose = (low: number, high: number): TStmt[] => {
    if (high - low === 1) {
      const plan = plans[low]!;
      const own = operate('sub', get(workgroup), i32(starts[low]!));
      const id = starts[low] === 0 ? own : get(register('own', regType('i32')));
      const body = plan.emit({ workgroup: id, local: get(local) }, resolve);
      const all: TStmt[] =
        id.kind === 'get' && id.register !== workgroup
          ? [{ kind: 'let', register: id.register, value: own }, ...body]
          : body;
      return relabel(all, scratch.of(plan), [workgroup, local], rename);
    }
    const middle = (low + high) >> 1;
    const first = operate('lt', get(workgroup), i32(starts[middle]!));
    return [ifOf(first, choose(low, middle), choose(middle, high))];
  };
  return {
    name: kernel.name,
    buffers: [...globals.values(), ...scratch.buffers],
    workgroup,
    local,
    grid,
    threads,
    body: plans.length === 0 ? [] : choose(0, plans.length),
    cost: {
      flops: plans.reduce((n, p) => n + p.cost.flops, 0),
      bytes: plans.reduce((n, p) => n + p.cost.bytes, 0),
    },
    notes: [...kernel.origin, ...plans.flatMap((p) => p.notes)],
  };
};
