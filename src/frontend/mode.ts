/**
 * What the calling code is doing now: plain eager work, recording for a backward pass, or being traced.
 *
 * Invariant: `recording` is what the user's program sees; `taping` whether calls go on the tape: not so while tracing a
 * call that is recorded outside, which is differentiated as a whole.
 */
import type { Autocast, Monitor } from './call.ts';
import type { NDArray } from './ndarray.ts';
import type { Trace } from './trace.ts';

export interface Mode {
  recording: boolean;
  taping: boolean;
  training: boolean;
  trace: Trace | undefined;
  /** Results made in the innermost `nd.scope`. */
  scope: NDArray[] | undefined;
  /** Which functions compute in which precision; undefined: in that of their operands. */
  autocast: Autocast | undefined;
  /** Looks at every call of a function. */
  monitor: Monitor | undefined;
  /** True while something is computed a second time, for its gradients: without effects. */
  repeating: boolean;
  /** True where hybridized functions run as they are written. */
  imperative: boolean;
}

export const mode: Mode = {
  recording: false,
  taping: false,
  training: false,
  trace: undefined,
  scope: undefined,
  autocast: undefined,
  monitor: undefined,
  repeating: false,
  imperative: false,
};

/** Runs `body` with some of the mode changed, and puts it back whatever happens. */
export const withMode = <T>(change: Partial<Mode>, body: () => T): T => {
  const { recording, taping, training, trace, scope, autocast } = mode;
  const { monitor, repeating, imperative } = mode;
  Object.assign(mode, change);
  try {
    return body();
  } finally {
    mode.recording = recording;
    mode.taping = taping;
    mode.training = training;
    mode.trace = trace;
    mode.scope = scope;
    mode.autocast = autocast;
    mode.monitor = monitor;
    mode.repeating = repeating;
    mode.imperative = imperative;
  }
};
