/**
 * The launches of a program in order: phases between barriers, loops around them, and the entry that runs them on one
 * thread.
 *
 * Invariant: what fills kept buffers is done before all else begins; launches of one phase touch nothing that another of them writes.
 */
import { keptSteps, type Loop, type Program } from '../../ir/program.ts';
import { FunctionBuilder } from './builder.ts';
import {
  call,
  get,
  i32,
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

/** The call of a step's kernel for workgroups `begin` to `end - 1`. */
export const launch = (
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
export type Part =
  | { readonly kind: 'phase'; readonly steps: readonly number[] }
  | { readonly kind: 'loop'; readonly trips: number; readonly parts: readonly Part[] };

/** What fills kept buffers, and what runs at each call. */
export interface Parts {
  readonly kept: readonly Part[];
  readonly rest: readonly Part[];
}

/** The steps of a program in phases, whose launches may run at the same time; `apart`: each in a phase of its own. */
export const partsOf = (program: Program, apart: boolean): Parts => {
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
  const first = keptSteps(program);
  return {
    kept: between(0, first, []),
    rest: between(first, program.steps.length, program.loops),
  };
};

/** `code`, unless the word at `at` of the arguments says that kept buffers are filled. */
export const unlessKept = (code: readonly Wasm[], args: Wasm, at: number): Wasm[] =>
  code.length === 0
    ? []
    : [{ kind: 'if', condition: memory('i32.load', at, args), then: [], otherwise: code }];

/** Code that runs `body` once for each value of `counter` from 0 to `trips - 1`. */
export const repeat = (counter: Local, trips: number, body: readonly Wasm[]): Wasm[] => {
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

/** What runs a part on this thread alone. */
export interface Alone {
  readonly program: Program;
  readonly kernels: readonly WasmFunction[];
  readonly fb: FunctionBuilder;
  readonly args: Wasm;
  readonly scratch: Wasm;
  /** Told of each launch that is done. */
  readonly clock: WasmFunction | undefined;
}

/** Code that runs all of a part on one thread. */
export const runAlone = (part: Part, counters: readonly Local[], host: Alone): Wasm[] => {
  const { program, kernels, fb, args, scratch, clock } = host;
  if (part.kind === 'phase')
    return part.steps.flatMap((step) => {
      const { grid } = program.kernels[program.steps[step]!.kernel]!;
      const all = launch(program, kernels, step, counters, args, scratch, i32(0), i32(grid));
      return clock === undefined ? [all] : [all, call(clock, i32(step))];
    });
  const counter = fb.local('i32', 't');
  const inside = part.parts.flatMap((p) => runAlone(p, [...counters, counter], host));
  return repeat(counter, part.trips, inside);
};

/** `run(args, scratch)`. */
export const serialEntry = (
  program: Program,
  kernels: readonly WasmFunction[],
  keptOffset: number,
  clock: WasmFunction | undefined,
): WasmFunction => {
  const fb = new FunctionBuilder();
  const args = get(fb.param('i32', 'args'));
  const scratch = get(fb.param('i32', 'scratch'));
  const host: Alone = { program, kernels, fb, args, scratch, clock };
  const { kept, rest } = partsOf(program, false);
  const first = kept.flatMap((part) => runAlone(part, [], host));
  for (const w of unlessKept(first, args, keptOffset)) fb.push(w);
  for (const w of rest.flatMap((part) => runAlone(part, [], host))) fb.push(w);
  return fb.finish('run', { exported: true });
};
