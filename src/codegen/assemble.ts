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
import type { ThreadBuffer, ThreadKernel, TStmt } from '../ir/thread/thread.ts';
import { spanOf } from '../ir/type.ts';
import { visitLoads } from './analysis.ts';
import type { NestPlan } from './plan.ts';
import { namer, relabel, takeNames } from './relabel.ts';

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
    const first = new Map<string, ThreadBuffer>();
    for (const plan of plans) {
      const counts = new Map<DType, number>();
      for (const b of plan.shared) {
        const n = counts.get(b.dtype) ?? 0;
        counts.set(b.dtype, n + 1);
        const list = lengths.get(b.dtype) ?? [];
        list[n] = Math.max(list[n] ?? 0, b.elements);
        lengths.set(b.dtype, list);
        if (!first.has(`${b.dtype}${n}`)) first.set(`${b.dtype}${n}`, b);
      }
    }
    const taken = new Set(names);
    for (const [dtype, list] of lengths)
      this.#lists.set(
        dtype,
        list.map((elements, n) => {
          const like = first.get(`${dtype}${n}`)!;
          let { name } = like;
          while (taken.has(name)) name += '_';
          taken.add(name);
          const stays = name === like.name && elements === like.elements;
          const buffer = stays ? like : sharedBuffer(name, dtype, elements);
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
  const used = new Set(['workgroup', 'local']);
  const named = namer(used);
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
      const buffers = scratch.of(plan);
      const stays = plan.shared.every((b) => buffers.get(b) === b) && takeNames(all, used);
      return stays ? all : relabel(all, buffers, [workgroup, local], rename);
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
