/**
 * The program of a worker thread, as text, and the words of memory through which it is told what to do.
 *
 * Invariants: a worker looks at a job only while counted in `active` and `open` still names it; so the caller, who closes
 * the job and then waits for `active` to fall to zero, may afterwards reuse everything the job named. Programs come as
 * module bytes in shared memory, because a worker that blocks receives no messages. Where a profiled
 * program tells the time, workers wait until the caller has looked at the clock: no launch begins before.
 */

/** Byte address of the control words. */
export const WORDS_AT = 1024;
/** Indices of 32-bit words from there; those written by different sides lie on different cache lines. */
export const WORD = {
  /** Number of the last job; workers watch it. */
  job: 0,
  /** Number of the job that may be joined, or 0. */
  open: 16,
  program: 17,
  args: 18,
  control: 19,
  scratch: 20,
  scratchStride: 21,
  moduleAt: 22,
  moduleBytes: 23,
  active: 32,
  sleepers: 48,
  /** 1 when a worker has failed; its message (bytes) follows its length. */
  failed: 64,
  messageBytes: 65,
  message: 66,
  /** Launches of a profiled job that the caller has timed. */
  timed: 240,
} as const;
export const WORDS = 256;

/** Loads of `job` before a worker goes to sleep: about 100 µs. */
const SPINS = 10_000;
/** Programs a worker keeps compiled. */
const KEPT = 256;

/** What the worker is given: `{ memory, rank }`. */
export const workerSource: string = `
const { memory, rank } = data;
const words = new Int32Array(memory.buffer, ${WORDS_AT}, ${WORDS});
const programs = new Map();
let launches = 0, control = 0;
const clock = () => {
  const due = ++launches;
  const stop = new Int32Array(memory.buffer, control, 1);
  let turns = 0, timed;
  while ((timed = Atomics.load(words, ${WORD.timed})) < due && Atomics.load(stop, 0) === 0)
    if (++turns > ${SPINS}) Atomics.wait(words, ${WORD.timed}, timed, 1);
};
const fail = (error) => {
  const text = new TextEncoder().encode(String(error && error.message || error)).subarray(0, 512);
  new Uint8Array(memory.buffer, ${WORDS_AT + 4 * WORD.message}, 512).set(text);
  words[${WORD.messageBytes}] = text.length;
  Atomics.store(words, ${WORD.failed}, 1);
};
const join = (job) => {
  let id, bytes;
  Atomics.add(words, ${WORD.active}, 1);
  if (Atomics.load(words, ${WORD.open}) === job) {
    id = words[${WORD.program}];
    const work = programs.get(id);
    control = words[${WORD.control}];
    launches = 0;
    if (work === undefined)
      bytes = new Uint8Array(memory.buffer, words[${WORD.moduleAt}] >>> 0, words[${WORD.moduleBytes}]).slice();
    else try {
      work(words[${WORD.args}], words[${WORD.scratch}] + rank * words[${WORD.scratchStride}], control, 1, rank & 1);
    } catch (error) {
      fail(error);
      Atomics.store(new Int32Array(memory.buffer), control >>> 2, 1);
    }
  }
  Atomics.sub(words, ${WORD.active}, 1);
  if (bytes === undefined) return;
  try {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory, clock } });
    if (programs.size >= ${KEPT}) programs.delete(programs.keys().next().value);
    programs.set(id, instance.exports.work);
  } catch (error) {
    fail(error);
    return;
  }
  join(job);
};
let seen = 0;
for (;;) {
  let turns = 0;
  while (Atomics.load(words, ${WORD.job}) === seen && turns++ < ${SPINS});
  if (Atomics.load(words, ${WORD.job}) === seen) {
    Atomics.add(words, ${WORD.sleepers}, 1);
    Atomics.wait(words, ${WORD.job}, seen);
    Atomics.sub(words, ${WORD.sleepers}, 1);
    continue;
  }
  seen = Atomics.load(words, ${WORD.job});
  if (seen < 0) break;
  join(seen);
}
`;
