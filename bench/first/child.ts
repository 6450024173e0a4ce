/**
 * A fresh process that calls one compiled function for the first time, and says what that took.
 *
 * Invariant: nothing of the package is loaded, and nothing compiled, before its time begins. With `--profile` the first
 * call is sampled, which makes it slower: times come from processes that are not. With `--after-imperative` the function
 * runs once operation by operation before, as users write and try it.
 */
import { Session } from 'node:inspector';
import type { CaseName } from './case-names.ts';
import { between, type Moment, now } from './clock.ts';
import { type Profile, sharesOf } from './phases.ts';

/** Milliseconds. */
export interface First {
  /** Loading the package. */
  readonly load: Moment;
  /** The first call: trace, compile, run. */
  readonly first: Moment;
  /** Of it, from its begin until its program, the last one that is made in it, can be launched: trace and compile. */
  readonly compile: Moment;
  readonly second: Moment;
  /** Of the first call, sampled. */
  readonly phases: Readonly<Record<string, number>> | undefined;
}

const [name, mode] = process.argv.slice(2) as [CaseName, string | undefined];

const started = now();
await Promise.all([import('tigon'), import('tigon/nn'), import('tigon/rnn'), import('tigon/loss')]);
const loaded = now();
const { device } = await import('tigon');
const cpu = device.cpu();
const load = cpu.load.bind(cpu);
let launchable = loaded;
cpu.load = (...given) => {
  const executable = load(...given);
  launchable = now();
  return executable;
};
const { CASES } = await import('./cases.ts');
const { imperative, hybrid } = CASES[name]();
if (mode === '--after-imperative') await imperative().data();
const session = new Session();
const ask = (method: string, parameters: object = {}): Record<string, unknown> => {
  let answer: object = {};
  session.post(method, parameters, (error, result) => {
    if (error) throw error;
    answer = result ?? {};
  });
  return answer as Record<string, unknown>;
};
if (mode === '--profile') {
  session.connect();
  ask('Profiler.enable');
  ask('Profiler.setSamplingInterval', { interval: 100 });
  ask('Profiler.start');
}
const made = now();
const result = hybrid();
await result.data();
const called = now();
const compiled = launchable;
const phases =
  mode === '--profile'
    ? sharesOf(ask('Profiler.stop')['profile'] as Profile, between(made, called).thread)
    : undefined;
const again = now();
await hybrid().data();
const first: First = {
  load: between(started, loaded),
  first: between(made, called),
  compile: between(made, compiled),
  second: between(again, now()),
  phases,
};
process.send!(first, () => process.exit(0));
