/**
 * `#several` in Node: what parameters, blocks and trainers do about several devices.
 *
 * Invariant: `several-none.ts` has the same names, and does for one device what these do.
 */
export { type Packs, sumGradients } from './allreduce.ts';
export { besideArguments, devicesOf, namesOf, onto, replicate } from './replicas.ts';
