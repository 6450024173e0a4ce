/**
 * Program → one WebAssembly module: a function for each kernel, and entries that replay all launches.
 *
 * Invariant: `run(args, scratch)` replays on one thread. `work(args, scratch, control, mayWait, side)` is called by every
 * thread that takes part: workgroups are claimed from counters, and a launch with a barrier starts when all workgroups
 * before it are done, whoever did them. A thread that comes late finds nothing left to claim, so none is waited for.
 * A clocked program calls `env.clock(step)` when a launch is done, and runs launches one at a time.
 */
import { bytesOf } from '../../ir/dtype.ts';
import { timesOf } from '../../ir/program/sequence.ts';
import type { Loop, Program } from '../../ir/program.ts';
import type { ThreadKernel } from '../../ir/thread/thread.ts';
import type { Caps } from '../caps.ts';
import { FunctionBuilder } from './builder.ts';
import { encodeModule, type MemoryImport } from './encode.ts';
import { sharedLayout } from './layout.ts';
import { renderKernel } from './render.ts';
import {
  call,
  get,
  i32,
  i64,
  type Label,
  type Local,
  memory,
  op,
  plus,
  set,
  times,
  type Wasm,
  type WasmFunction,
} from './tree.ts';

/** A module and what its caller must provide: plain data. */
export interface Code {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes of the argument block: the pointer of program buffer i at 4 i, then the slots of scalars. */
  readonly argumentBytes: number;
  /** Where in the argument block the number of a scalar buffer (by buffer index) stands. */
  readonly scalarOffsets: ReadonlyMap<number, number>;
  /** Workgroup memory each thread needs. */
  readonly scratchBytes: number;
  /** Bytes of the control block, zero when a run starts; 0 when the module has no `work`. */
  readonly controlBytes: number;
  /** Rough duration of a run on one thread. */
  readonly nanoseconds: number;
}

export interface ProgramModule extends Code {
  readonly functions: readonly WasmFunction[];
}

/** Offsets in the first line of the control block. */
export const CONTROL = { stop: 0, sleepers: 4 } as const;
const LINE = 64;
/** Loads before a waiting thread goes to sleep: some 50 µs. */
const SPINS = 40_000;
/** A claim should be worth this much work; a launch shorter than two of them is not shared. */
const CLAIM_NANOSECONDS = 1500;

/** Multiply-adds and bytes a nanosecond, as kernels of LeNet and MLP steps were measured on one thread of 2.6 GHz. */
const PACE = 24;

/** What one thread needs for a kernel: a guess for deciding who runs it, no more. */
export const nanosecondsOf = (kernel: ThreadKernel): number =>
  10 + Math.max(kernel.cost.flops, kernel.cost.bytes) / PACE;

/** Rough duration of a program on one thread. */
export const programNanoseconds = (program: Program): number =>
  program.steps.reduce(
    (sum, s, i) => sum + timesOf(program, i) * nanosecondsOf(program.kernels[s.kernel]!),
    0,
  );

export interface ProgramOptions extends MemoryImport {
  /** Without more than one there is no parallel entry. */
  readonly threads: number;
  /** Tell the clock of each launch. Default false. */
  readonly clocked?: boolean;
}

/** Renders all of a program. */
export const renderProgram = (
  program: Program,
  caps: Caps,
  options: ProgramOptions,
): ProgramModule => {
  const kernels = program.kernels.map((k) => renderKernel(k, caps));
  const scalarOffsets = new Map<number, number>();
  let argumentBytes = 4 * program.buffers.length;
  program.buffers.forEach((b, i) => {
    if (b.role !== 'scalar') return;
    const size = Math.max(4, bytesOf(b.dtype));
    argumentBytes = Math.ceil(argumentBytes / size) * size;
    scalarOffsets.set(i, argumentBytes);
    argumentBytes += size;
  });
  const clock = options.clocked === true ? clockFunction() : undefined;
  const entries = [serialEntry(program, kernels, clock)];
  const parallel = options.threads > 1 && options.shared;
  const control = parallel ? parallelEntry(program, kernels, options.threads, clock) : undefined;
  if (control !== undefined) entries.push(control.entry);
  const functions = reachable(entries);
  return {
    functions,
    bytes: encodeModule(functions, options),
    argumentBytes,
    scalarOffsets,
    scratchBytes: Math.max(0, ...program.kernels.map((k) => sharedLayout(k).bytes)),
    controlBytes: control?.bytes ?? 0,
    nanoseconds: programNanoseconds(program),
  };
};

/** Callees before callers. */
const reachable = (entries: readonly WasmFunction[]): WasmFunction[] => {
  const found = new Set<WasmFunction>();
  const walk = (w: Wasm): void => {
    switch (w.kind) {
      case 'const':
      case 'long':
      case 'get':
        return;
      case 'set':
        walk(w.value);
        return;
      case 'call':
        w.args.forEach(walk);
        visit(w.target);
        return;
      case 'plain':
      case 'lane':
      case 'memory':
      case 'shuffle':
        w.args.forEach(walk);
        return;
      case 'block':
      case 'loop':
        w.body.forEach(walk);
        return;
      case 'if':
        walk(w.condition);
        w.then.forEach(walk);
        w.otherwise.forEach(walk);
        return;
      case 'branch':
        if (w.condition !== undefined) walk(w.condition);
        return;
      case 'return':
        if (w.value !== undefined) walk(w.value);
        return;
      default:
        w satisfies never;
    }
  };
  const visit = (f: WasmFunction): void => {
    if (found.has(f)) return;
    if (f.calls === undefined) f.body.forEach(walk);
    else f.calls.forEach(visit);
    found.add(f);
  };
  entries.forEach(visit);
  return [...found];
};

const launch = (
  program: Program,
  kernels: readonly WasmFunction[],
  step: number,
  counters: readonly Local[],
  args: Wasm,
  scratch: Wasm,
  begin: Wasm,
  end: Wasm,
): Wasm => {
  const { kernel, bindings, windows } = program.steps[step]!;
  const pointers = bindings.map((b, i) => {
    const pointer = memory('i32.load', 4 * b, args);
    const window = windows?.[i];
    if (window === undefined) return pointer;
    return window.strides.reduce(
      (at, stride, l) => (stride === 0 ? at : plus(at, times(get(counters[l]!), stride))),
      window.offset === 0 ? pointer : plus(pointer, i32(window.offset)),
    );
  });
  return call(kernels[kernel]!, ...pointers, scratch, begin, end);
};

/** A run of steps: launches up to the next barrier, or a loop around parts. */
type Part =
  | { readonly kind: 'phase'; readonly steps: readonly number[] }
  | { readonly kind: 'loop'; readonly trips: number; readonly parts: readonly Part[] };

/** What a clocked program calls. */
const clockFunction = (): WasmFunction => {
  const fb = new FunctionBuilder();
  fb.param('i32', 'step');
  return { ...fb.finish('clock'), imported: true };
};

/** The steps of a program in phases, whose launches may run at the same time; `apart`: each in a phase of its own. */
const partsOf = (program: Program, apart: boolean): readonly Part[] => {
  const between = (from: number, to: number, loops: readonly Loop[]): Part[] => {
    const parts: Part[] = [];
    let phase: number[] = [];
    const close = (): void => {
      if (phase.length > 0) parts.push({ kind: 'phase', steps: phase });
      phase = [];
    };
    for (let step = from; step < to; ) {
      const at = loops.findIndex((l) => l.first === step);
      const loop = loops[at];
      if (loop !== undefined) {
        close();
        const inner = between(step, loop.end, loops.slice(at + 1));
        parts.push({ kind: 'loop', trips: loop.trips, parts: inner });
        step = loop.end;
        continue;
      }
      if (apart || program.steps[step]!.barrier) close();
      phase.push(step++);
    }
    close();
    return parts;
  };
  return between(0, program.steps.length, program.loops);
};

/** Code that runs `body` once for each value of `counter` from 0 to `trips - 1`. */
const repeat = (counter: Local, trips: number, body: readonly Wasm[]): Wasm[] => {
  const again: Label = { name: `round_${counter.name}` };
  const more = op('i32.lt_s', get(counter), i32(trips));
  return [
    set(counter, i32(0)),
    {
      kind: 'loop',
      label: again,
      body: [
        ...body,
        set(counter, plus(get(counter), i32(1))),
        { kind: 'branch', label: again, condition: more },
      ],
    },
  ];
};

const serialEntry = (
  program: Program,
  kernels: readonly WasmFunction[],
  clock: WasmFunction | undefined,
): WasmFunction => {
  const fb = new FunctionBuilder();
  const args = get(fb.param('i32', 'args'));
  const scratch = get(fb.param('i32', 'scratch'));
  const emit = (part: Part, counters: readonly Local[]): Wasm[] => {
    if (part.kind === 'phase')
      return part.steps.flatMap((step) => {
        const { grid } = program.kernels[program.steps[step]!.kernel]!;
        const done = clock === undefined ? [] : [call(clock, i32(step))];
        return [
          launch(program, kernels, step, counters, args, scratch, i32(0), i32(grid)),
          ...done,
        ];
      });
    const counter = fb.local('i32', 't');
    const inside = part.parts.flatMap((p) => emit(p, [...counters, counter]));
    return repeat(counter, part.trips, inside);
  };
  for (const part of partsOf(program, false)) for (const w of emit(part, [])) fb.push(w);
  return fb.finish('run', { exported: true });
};

/** Launches shorter than this are claimed in few pieces: each claim costs a trip of a cache line. */
const BRIEF_NANOSECONDS = 100_000;

const chunkOf = (kernel: ThreadKernel, threads: number): number => {
  const total = nanosecondsOf(kernel);
  if (total < 2 * CLAIM_NANOSECONDS) return kernel.grid;
  const worth = Math.ceil(CLAIM_NANOSECONDS / (total / kernel.grid));
  const few = total < BRIEF_NANOSECONDS ? Math.ceil(kernel.grid / (2 * threads)) : 1;
  return Math.max(1, few, Math.min(worth, Math.ceil(kernel.grid / threads)));
};

const parallelEntry = (
  program: Program,
  kernels: readonly WasmFunction[],
  threads: number,
  clock: WasmFunction | undefined,
): { readonly entry: WasmFunction; readonly bytes: number } => {
  const fb = new FunctionBuilder();
  const args = get(fb.param('i32', 'args'));
  const scratch = get(fb.param('i32', 'scratch'));
  const control = get(fb.param('i32', 'control'));
  const mayWait = get(fb.param('i32', 'mayWait'));
  const side = get(fb.param('i32', 'side'));
  const begin = fb.local('i32', 'begin');
  const end = fb.local('i32', 'end');
  const seen = fb.local('i32', 'seen');
  const spins = fb.local('i32', 'spins');
  const sleep = sleepFunction();
  let phases = 0;

  /** Claims of a step whose counters are at `taken`, ends counted at `done`, from `lines` on. */
  const claims = (
    step: number,
    taken: number,
    done: number,
    total: number,
    lines: Wasm,
    counters: readonly Local[],
  ): Wasm => {
    const kernel = program.kernels[program.steps[step]!.kernel]!;
    const chunk = chunkOf(kernel, threads);
    const { grid } = kernel;
    const again: Label = { name: `claim${step}` };
    const none: Label = { name: `none${step}` };
    const chunks = Math.ceil(grid / chunk);
    const one = (at: number): Wasm => memory('i32.atomic.rmw.add', at, lines, i32(1));
    // Even threads take from the front, odd ones from the back, so that each meets the same rows run after run and
    // finds them in its own cache; the common count keeps the two from meeting.
    const place: Wasm = {
      kind: 'if',
      condition: side,
      then: [set(begin, op('i32.sub', i32(chunks - 1), one(taken + 8)))],
      otherwise: [set(begin, one(taken + 4))],
    };
    const beyond = plus(get(begin), i32(chunk));
    return {
      kind: 'block',
      label: none,
      body: [
        {
          kind: 'loop',
          label: again,
          body: [
            // a plain look first: writing to a counter that is used up would take its cache line from the others
            {
              kind: 'branch',
              label: none,
              condition: op('i32.ge_s', memory('i32.atomic.load', taken, lines), i32(chunks)),
            },
            { kind: 'branch', label: none, condition: op('i32.ge_s', one(taken), i32(chunks)) },
            place,
            set(begin, times(get(begin), chunk)),
            set(
              end,
              chunk === 1
                ? beyond
                : op('select', beyond, i32(grid), op('i32.lt_s', beyond, i32(grid))),
            ),
            launch(program, kernels, step, counters, args, scratch, get(begin), get(end)),
            set(end, op('i32.sub', get(end), get(begin))),
            set(begin, memory('i32.atomic.rmw.add', done, lines, get(end))),
            {
              kind: 'if',
              condition: op(
                'i32.and',
                op('i32.eq', plus(get(begin), get(end)), i32(total)),
                op('i32.ne', memory('i32.atomic.load', CONTROL.sleepers, control), i32(0)),
              ),
              then: [op('drop', memory('memory.atomic.notify', done, lines, i32(-1)))],
              otherwise: [],
            },
            { kind: 'branch', label: again, condition: undefined },
          ],
        },
      ],
    };
  };

  /** Code for parts whose counters lie from `at` on, in lines of their own; and where they end. */
  const emit = (
    parts: readonly Part[],
    at: number,
    lines: Wasm,
    counters: readonly Local[],
  ): { readonly code: Wasm[]; readonly end: number } => {
    const code: Wasm[] = [];
    let line = at;
    for (const part of parts) {
      if (part.kind === 'phase') {
        const done = line + LINE * part.steps.length;
        const grids = part.steps.map((s) => program.kernels[program.steps[s]!.kernel]!.grid);
        const total = grids.reduce((a, b) => a + b, 0);
        part.steps.forEach((step, i) => {
          code.push(claims(step, line + LINE * i, done, total, lines, counters));
        });
        const wait = { lines, control, mayWait, seen, spins, sleep };
        code.push(...waitFor(phases++, done, total, wait));
        if (clock !== undefined) for (const s of part.steps) code.push(call(clock, i32(s)));
        line = done + LINE;
        continue;
      }
      // Each round counts in lines of its own, so that nobody has to clear them.
      const counter = fb.local('i32', 't');
      const own = fb.local('i32', 'lines');
      const { code: inside, end: bytes } = emit(part.parts, 0, get(own), [...counters, counter]);
      const first = plus(lines, i32(line));
      const round = set(own, plus(first, times(get(counter), bytes)));
      code.push(...repeat(counter, part.trips, [round, ...inside]));
      line += bytes * part.trips;
    }
    return { code, end: line };
  };
  const { code, end: bytes } = emit(partsOf(program, clock !== undefined), LINE, control, []);
  for (const w of code) fb.push(w);
  fb.push({ kind: 'return', value: i32(0) });
  return { entry: fb.finish('work', { result: 'i32', exported: true }), bytes };
};

/**
 * Sleeps while the word at `address` is `seen`. A function of its own: V8's baseline compiler loses locals of a function
 * that waits in a loop.
 */
const sleepFunction = (): WasmFunction => {
  const fb = new FunctionBuilder();
  const address = get(fb.param('i32', 'address'));
  const seen = get(fb.param('i32', 'seen'));
  const control = get(fb.param('i32', 'control'));
  fb.push(op('drop', memory('i32.atomic.rmw.add', CONTROL.sleepers, control, i32(1))));
  // the limit makes a lost wake-up cost a millisecond, not a hang
  fb.push(op('drop', memory('memory.atomic.wait32', 0, address, seen, i64(1_000_000n))));
  fb.push(op('drop', memory('i32.atomic.rmw.sub', CONTROL.sleepers, control, i32(1))));
  return fb.finish('sleep', {});
};

/** Waits until `total` workgroups are done; leaves the function with 1 when a thread has failed. */
const waitFor = (
  phase: number,
  done: number,
  total: number,
  at: {
    lines: Wasm;
    control: Wasm;
    mayWait: Wasm;
    seen: Local;
    spins: Local;
    sleep: WasmFunction;
  },
): Wasm[] => {
  const out: Label = { name: `done${phase}` };
  const again: Label = { name: `wait${phase}` };
  const sleep: Wasm[] = [
    set(at.spins, i32(0)),
    call(at.sleep, plus(at.lines, i32(done)), get(at.seen), at.control),
  ];
  return [
    set(at.spins, i32(0)),
    {
      kind: 'block',
      label: out,
      body: [
        {
          kind: 'loop',
          label: again,
          body: [
            set(at.seen, memory('i32.atomic.load', done, at.lines)),
            { kind: 'branch', label: out, condition: op('i32.ge_s', get(at.seen), i32(total)) },
            {
              kind: 'if',
              condition: memory('i32.atomic.load', CONTROL.stop, at.control),
              then: [{ kind: 'return', value: i32(1) }],
              otherwise: [],
            },
            set(at.spins, plus(get(at.spins), i32(1))),
            {
              kind: 'if',
              condition: op('i32.and', at.mayWait, op('i32.gt_s', get(at.spins), i32(SPINS))),
              then: sleep,
              otherwise: [],
            },
            { kind: 'branch', label: again, condition: undefined },
          ],
        },
      ],
    },
  ];
};
