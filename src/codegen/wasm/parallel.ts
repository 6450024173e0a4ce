/**
 * The entry that several threads run together.
 *
 * Invariant: each workgroup is run once, by who claimed it; who goes on to the next phase has seen all of the one before
 * done. Counters start from zero and are counted up only: each phase has its own, and each round of a loop.
 */
import type { Program } from '../../ir/program.ts';
import { FunctionBuilder } from './builder.ts';
import { chunkOf, nanosecondsOf, SOLO_NANOSECONDS } from './pace.ts';
import {
  type Alone,
  launch,
  type Part,
  partsOf,
  repeat,
  runAlone,
  unlessKept,
} from './sequence.ts';
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
import { CONTROL, sleepFunction, waitFor } from './waiting.ts';

const LINE = 64;

/** Parts of a program as threads share them: `solo` ones are done by the first thread that comes, in one go. */
type Piece =
  | { readonly kind: 'solo'; readonly parts: readonly Part[] }
  | { readonly kind: 'phase'; readonly steps: readonly number[] }
  | { readonly kind: 'loop'; readonly trips: number; readonly pieces: readonly Piece[] };

const piecesOf = (parts: readonly Part[], isSolo: (part: Part) => boolean): readonly Piece[] => {
  const pieces: Piece[] = [];
  let solo: Part[] | undefined;
  for (const part of parts) {
    if (isSolo(part)) {
      if (solo === undefined) {
        solo = [];
        pieces.push({ kind: 'solo', parts: solo });
      }
      solo.push(part);
      continue;
    }
    solo = undefined;
    if (part.kind === 'phase') pieces.push(part);
    else pieces.push({ kind: 'loop', trips: part.trips, pieces: piecesOf(part.parts, isSolo) });
  }
  return pieces;
};

/** Whether a part is over before another thread could help: short launches alone, however often they are repeated. */
const soloIn = (program: Program) => {
  const isSolo = (part: Part): boolean => {
    if (part.kind === 'loop') return part.parts.every(isSolo);
    const nanoseconds = part.steps.reduce(
      (sum, step) => sum + nanosecondsOf(program.kernels[program.steps[step]!.kernel]!),
      0,
    );
    return nanoseconds < SOLO_NANOSECONDS;
  };
  return isSolo;
};

export const parallelEntry = (
  program: Program,
  kernels: readonly WasmFunction[],
  threads: number,
  keptOffset: number,
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
  const alone: Alone = { program, kernels, fb, args, scratch, clock: undefined };
  let phases = 0;

  const next = (at: number, lines: Wasm): Wasm => memory('i32.atomic.rmw.add', at, lines, i32(1));
  /** Leaves `none` if all of `count` are claimed. */
  const claim = (taken: number, count: number, lines: Wasm, none: Label): Wasm[] => [
    // a plain look first: writing to a counter that is used up would take its cache line from the others
    {
      kind: 'branch',
      label: none,
      condition: op('i32.ge_s', memory('i32.atomic.load', taken, lines), i32(count)),
    },
    { kind: 'branch', label: none, condition: op('i32.ge_s', next(taken, lines), i32(count)) },
  ];
  /** Counts `amount` more as done, and wakes who sleeps if that was the last of them. */
  const finish = (done: number, amount: Wasm, total: number, lines: Wasm): Wasm[] => [
    set(begin, memory('i32.atomic.rmw.add', done, lines, amount)),
    {
      kind: 'if',
      condition: op(
        'i32.and',
        op('i32.eq', plus(get(begin), amount), i32(total)),
        op('i32.ne', memory('i32.atomic.load', CONTROL.sleepers, control), i32(0)),
      ),
      then: [op('drop', memory('memory.atomic.notify', done, lines, i32(-1)))],
      otherwise: [],
    },
  ];

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
    // Even threads take from the front, odd ones from the back, so that each meets the same rows run after run and
    // finds them in its own cache; the common count keeps the two from meeting.
    const place: Wasm = {
      kind: 'if',
      condition: side,
      then: [set(begin, op('i32.sub', i32(chunks - 1), next(taken + 8, lines)))],
      otherwise: [set(begin, next(taken + 4, lines))],
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
            ...claim(taken, chunks, lines, none),
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
            ...finish(done, get(end), total, lines),
            { kind: 'branch', label: again, condition: undefined },
          ],
        },
      ],
    };
  };

  const wait = (done: number, total: number, lines: Wasm): Wasm[] =>
    waitFor(phases++, done, total, { lines, control, mayWait, seen, spins, sleep });

  /** Code for pieces whose counters lie from `at` on, in lines of their own; and where they end. */
  const emit = (
    pieces: readonly Piece[],
    at: number,
    lines: Wasm,
    counters: readonly Local[],
  ): { readonly code: Wasm[]; readonly end: number } => {
    const code: Wasm[] = [];
    let line = at;
    for (const piece of pieces)
      switch (piece.kind) {
        case 'solo': {
          const none: Label = { name: `others${phases}` };
          const done = line + LINE;
          const body = [
            ...claim(line, 1, lines, none),
            ...piece.parts.flatMap((part) => runAlone(part, counters, alone)),
            ...finish(done, i32(1), 1, lines),
          ];
          code.push({ kind: 'block', label: none, body }, ...wait(done, 1, lines));
          line = done + LINE;
          break;
        }
        case 'phase': {
          const { steps } = piece;
          const done = line + LINE * steps.length;
          const grids = steps.map((s) => program.kernels[program.steps[s]!.kernel]!.grid);
          const total = grids.reduce((a, b) => a + b, 0);
          steps.forEach((step, i) => {
            code.push(claims(step, line + LINE * i, done, total, lines, counters));
          });
          code.push(...wait(done, total, lines));
          if (clock !== undefined) for (const s of steps) code.push(call(clock, i32(s)));
          line = done + LINE;
          break;
        }
        case 'loop': {
          // Each round counts in lines of its own, so that nobody has to clear them.
          const counter = fb.local('i32', 't');
          const own = fb.local('i32', 'lines');
          const inner = emit(piece.pieces, 0, get(own), [...counters, counter]);
          const first = plus(lines, i32(line));
          const round = set(own, plus(first, times(get(counter), inner.end)));
          code.push(...repeat(counter, piece.trips, [round, ...inner.code]));
          line += inner.end * piece.trips;
          break;
        }
        default:
          piece satisfies never;
      }
    return { code, end: line };
  };
  // who is clocked is timed launch by launch
  const isSolo = clock === undefined ? soloIn(program) : () => false;
  const parts = partsOf(program, clock !== undefined);
  const kept = emit(piecesOf(parts.kept, isSolo), LINE, control, []);
  for (const w of unlessKept(kept.code, args, keptOffset)) fb.push(w);
  const { code, end: bytes } = emit(piecesOf(parts.rest, isSolo), kept.end, control, []);
  for (const w of code) fb.push(w);
  fb.push({ kind: 'return', value: i32(0) });
  return { entry: fb.finish('work', { result: 'i32', exported: true }), bytes };
};
