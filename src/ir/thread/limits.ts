/**
 * What a device allows a kernel: threads, shared memory, exchanges, matrix units.
 *
 * Invariant: each check is one of `rule`; without limits only what no device could do is refused.
 */
import { bytesOf } from '../dtype.ts';
import type { LazyText } from '../lazy-text.ts';
import { WARP } from './tensor.ts';
import type { ThreadKernel, TStmt } from './thread.ts';
import { bodiesOf } from './visit.ts';

/** What a device allows; its `Caps` are one. */
export interface ThreadLimits {
  readonly sharedBytes: number;
  readonly keptBytes?: number;
  /** Most threads of a workgroup. */
  readonly threads: number;
  /** Exchange masks are below it. */
  readonly subgroup: number;
  /** Matrix units, if any. */
  readonly tensorCores: string;
}

type Rule = (holds: boolean, text: LazyText) => void;

/** Where warpgroups have roles, their number is the schedule's choice: devices that have them have room for eight. */
const MOST_WITH_ROLES = 1024;
const hasRoles = (body: readonly TStmt[]): boolean =>
  body.some((s) => s.kind === 'roles' || bodiesOf(s).some(hasRoles));

/** Its shared memory and its threads. */
export const fitsDevice = (kernel: ThreadKernel, limits: ThreadLimits, rule: Rule): void => {
  const shared = kernel.buffers.filter((b) => b.space === 'shared');
  const bytes = shared.reduce((n, b) => n + b.elements * bytesOf(b.dtype), 0);
  const most = limits.sharedBytes + (limits.keptBytes ?? 0);
  rule(bytes <= most, () => `${bytes} bytes of shared memory, the device has ${most}`);
  const threads = hasRoles(kernel.body) ? MOST_WITH_ROLES : limits.threads;
  rule(
    kernel.threads <= threads,
    () => `${kernel.threads} threads in a workgroup, the device has ${threads}`,
  );
};

/** Every thread has a partner to exchange with. */
export const hasPartners = (
  mask: number,
  threads: number,
  limits: ThreadLimits | undefined,
  rule: Rule,
): void => {
  rule(Number.isInteger(mask) && mask > 0, () => `the mask is ${mask}, not 1 or more`);
  const { subgroup } = limits ?? { subgroup: Number.POSITIVE_INFINITY };
  rule(mask < subgroup, () => `mask ${mask}, the device exchanges between ${subgroup} threads`);
  const run = 2 ** (Math.floor(Math.log2(mask)) + 1);
  rule(
    threads % run === 0,
    () => `mask ${mask} needs workgroups of a multiple of ${run} threads, not ${threads}`,
  );
};

/** Fragments and their products need matrix units, and whole warps. */
export const hasUnits = (threads: number, limits: ThreadLimits | undefined, rule: Rule): void => {
  rule(threads % WARP === 0, () => `${threads} threads are no whole number of warps`);
  rule(limits?.tensorCores !== 'none', 'the device has no matrix units');
};

/** Tiles and their products need matrix units that warpgroups drive. */
export const hasWarpgroups = (limits: ThreadLimits | undefined, rule: Rule): void => {
  const units = limits?.tensorCores ?? 'sm90a';
  rule(units === 'sm90a', 'the device has no matrix units for warpgroups');
};
