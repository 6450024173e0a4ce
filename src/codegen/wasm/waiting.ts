/**
 * How threads wait for each other in a program: spinning first, then asleep.
 *
 * Invariant: whoever sleeps is counted in the control block, so that who finishes the last piece knows to wake it.
 */
import { FunctionBuilder } from './builder.ts';
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
  type Wasm,
  type WasmFunction,
} from './tree.ts';

/** Offsets in the first line of the control block. */
export const CONTROL = { stop: 0, sleepers: 4 } as const;
/** Loads before a waiting thread goes to sleep: some 50 µs. */
const SPINS = 40_000;
/**
 * Sleeps while the word at `address` is `seen`. A function of its own: V8's baseline compiler loses locals of a function
 * that waits in a loop.
 */
export const sleepFunction = (): WasmFunction => {
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
export const waitFor = (
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
