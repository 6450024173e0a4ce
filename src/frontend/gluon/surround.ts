/**
 * What happens around a block's `forward`: hooks, precisions, and computing again in backward.
 *
 * Invariant: hooks see the same arrays whether the block runs imperatively or as part of a program (after which they are
 * called, in order); a forward that is computed a second time for its gradients calls none.
 */
import type { Autocast, Monitor } from '../call.ts';
import { blockNames } from '../callsite.ts';
import { checkpoint } from '../checkpoint.ts';
import { mode, withMode } from '../mode.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { newRevision } from '../revision.ts';
import type { Block } from './block.ts';

/** Called before `forward` with its arguments. */
export type ForwardPreHook = (block: Block, args: readonly unknown[]) => void;
/** Called after `forward` with its arguments and result. */
export type ForwardHook = (block: Block, args: readonly unknown[], result: unknown) => void;
/** Called with each array that a function inside a block makes: `hidden.linear0_output`, `linear`, the array. */
export type OpHook = (name: string, op: string, array: NDArray) => void;
/** Removes a hook. */
export interface HookHandle {
  detach(): void;
}

/** An op hook, and whether it sees operands, too. */
interface OpWatch {
  readonly hook: OpHook;
  readonly operands: boolean;
}

export interface Surround {
  readonly preHooks: Set<ForwardPreHook>;
  readonly hooks: Set<ForwardHook>;
  readonly opHooks: Set<OpWatch>;
  /** Precisions of its own: `policy` undefined means those of the operands. */
  precision: { readonly policy: Autocast | undefined } | undefined;
  /** Whether backward computes it again instead of keeping its values. */
  recompute: boolean;
}

export const newSurround = (): Surround => ({
  preHooks: new Set(),
  hooks: new Set(),
  opHooks: new Set(),
  precision: undefined,
  recompute: false,
});

/** Adds a hook; compiled programs are made anew. */
export const hang = <T>(hooks: Set<T>, hook: T): HookHandle => {
  hooks.add(hook);
  newRevision();
  return {
    detach: () => {
      if (hooks.delete(hook)) newRevision();
    },
  };
};

/** `call` gets `value` now, or, inside a program, after each run of it. Loops inside show what they were traced with. */
const tell = <T>(value: T, call: (value: T) => void): void => {
  const { trace } = mode;
  if (trace === undefined || trace.inside !== undefined) call(value);
  else trace.observe(value, call);
};

/** Runs `forward` with all that is around it. */
export const surrounded = (
  block: Block,
  around: Surround,
  args: readonly unknown[],
  forward: (...args: unknown[]) => unknown,
): unknown => {
  const { preHooks, hooks, opHooks, precision, recompute } = around;
  const silent = mode.repeating;
  if (!silent) for (const hook of preHooks) tell(args, (given) => hook(block, given));
  let body = forward;
  if (recompute) body = (...given) => checkpoint(forward, ...given);
  let result: unknown;
  if (precision === undefined && (opHooks.size === 0 || silent)) result = body(...args);
  else
    result = withMode(
      {
        ...(precision === undefined ? {} : { autocast: precision.policy }),
        ...(opHooks.size === 0 || silent ? {} : { monitor: monitorOf(opHooks, mode.monitor) }),
      },
      () => body(...args),
    );
  if (!silent)
    for (const hook of hooks) tell([args, result] as const, ([a, y]) => hook(block, a, y));
  return result;
};

/** Numbers the functions of each block in the order in which they are called, and passes arrays on. */
const monitorOf = (watches: ReadonlySet<OpWatch>, outer: Monitor | undefined): Monitor => {
  const counts = new Map<string, number>();
  return (op, operands, outputs) => {
    outer?.(op, operands, outputs);
    const path = [...blockNames(), op].join('.');
    const count = counts.get(path) ?? 0;
    counts.set(path, count + 1);
    const show = (
      kind: 'input' | 'output',
      x: NDArray,
      i: number,
      list: readonly unknown[],
    ): void => {
      const name = `${path}${count}_${kind}${list.length > 1 ? i : ''}`;
      for (const { hook, operands: all } of watches)
        if (all || kind === 'output')
          tell(x, (array) => withMode({ monitor: undefined }, () => hook(name, op, array)));
    };
    const arrays = operands.filter(isNDArray);
    for (const [i, x] of arrays.entries()) show('input', x, i, arrays);
    for (const [i, y] of outputs.entries()) show('output', y, i, outputs);
  };
};
