/**
 * Decides where each value is computed: around all its uses, and out of every loop it does not change in.
 *
 * Invariants: never further out than its `home`; what costs nothing where it is used gets no register.
 */
import type { Register } from '../../ir/thread/thread.ts';
import type { Numbered } from './numbering.ts';
import type { Step } from './steps.ts';
import { type Block, isIndex, type Value } from './value.ts';

/** Counts the uses of all values and finds the block around them. */
export const countUses = ({ steps, top, values, readVars }: Numbered): void => {
  countRoots(steps, top, readVars);
  for (let i = values.length - 1; i >= 0; i--) {
    const value = values[i]!;
    if (value.uses === 0) continue;
    const at = wantsRegister(value) ? placeOf(value) : value.spot!;
    const { args } = value;
    for (let a = 0; a < args.length; a++) use(args[a]!, at);
  }
};

const countRoots = (
  steps: readonly Step[],
  block: Block,
  readVars: ReadonlySet<Register>,
): void => {
  for (const s of steps) {
    switch (s.kind) {
      case 'compute':
        s.value.forced = true;
        s.value.spot = s.value.spot === undefined ? block : common(s.value.spot, block);
        break;
      case 'var':
      case 'set':
        if (readVars.has(s.register)) use(s.value, block);
        break;
      case 'store':
        use(s.index, block);
        use(s.value, block);
        break;
      case 'for':
        use(s.from, block);
        use(s.to, block);
        countRoots(s.body.steps, s.body.block, readVars);
        break;
      case 'if':
        use(s.condition, block);
        countRoots(s.then.steps, s.then.block, readVars);
        countRoots(s.otherwise.steps, s.otherwise.block, readVars);
        break;
      case 'mma':
        if (readVars.has(s.accumulator)) for (const v of [s.a, ...s.b]) use(v, block);
        break;
      case 'copy':
        for (const v of [s.index, s.at, s.when]) use(v, block);
        break;
      case 'roles':
        for (const { body } of s.roles) countRoots(body.steps, body.block, readVars);
        break;
      case 'bulk':
        for (const v of s.parts) use(v, block);
        break;
      case 'barrier':
      case 'commit':
      case 'wait':
        break;
      default:
        s satisfies never;
    }
  }
};

/** The block to compute a value in: around all uses, and out of every loop it does not change in. */
export const placeOf = (value: Value): Block => {
  let place = value.spot!;
  if (value.shape.kind === 'const') return beforeInnermostLoop(place);
  for (let b: Block = place; b !== value.home && b.parent !== undefined; b = b.parent)
    if (b.kind === 'loop') place = b.parent;
  return place;
};

/** Whether a value is computed once into a register, rather than wherever it is used. */
export const wantsRegister = (value: Value): boolean => {
  if (isFree(value)) return false;
  if (value.shape.kind === 'const') return placeOf(value) !== value.spot;
  return value.forced || value.uses > 1 || placeOf(value) !== value.spot;
};

/** Costs nothing where it is used: registers, immediate constants, and the offset of an address. */
const isFree = (value: Value): boolean => {
  const { shape, type, args } = value;
  if (shape.kind === 'get') return !value.forced;
  if (shape.kind === 'const') return type.lanes === 1;
  return (
    shape.kind === 'op' &&
    shape.op === 'add' &&
    isIndex(type) &&
    args[1]!.shape.kind === 'const' &&
    !value.forced
  );
};

/** Vector constants want a register in small loops; further out they would only occupy one. */
const beforeInnermostLoop = (spot: Block): Block => {
  let b = spot;
  while (b.kind === 'branch' && b.parent !== undefined) b = b.parent;
  return b.kind === 'loop' && b.innermost ? b.parent! : spot;
};

/** Counts a use of `value` in `block`; what is free where it is used passes the use on. */
const use = (value: Value, block: Block): void => {
  if (isFree(value) && value.args.length > 0) {
    value.spot = value.spot === undefined ? block : common(value.spot, block);
    use(value.args[0]!, block);
    return;
  }
  value.uses++;
  value.spot = value.spot === undefined ? block : common(value.spot, block);
};

const common = (a: Block, b: Block): Block => {
  let x = a;
  let y = b;
  while (x !== y) {
    if (x.depth >= y.depth) x = x.parent!;
    else y = y.parent!;
  }
  return x;
};
