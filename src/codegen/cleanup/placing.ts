/**
 * Decides where each value is computed: around all its uses, and out of every loop it does not change in.
 *
 * Invariants: never further out than its `home`; what costs nothing where it is used gets no register.
 */
import type { Register } from '../../ir/thread/thread.ts';
import type { Numbered } from './numbering.ts';
import { hasEffect, type Step } from './steps.ts';
import type { Block, Value } from './value.ts';

/** Counts the uses of all values, finds the block around them, and decides which values get a register. */
export const countUses = ({ steps, top, values, readVars }: Numbered): void => {
  countRoots(steps, top, readVars);
  for (let i = values.length - 1; i >= 0; i--) {
    const value = values[i]!;
    if (value.uses === 0) continue;
    value.place = registerPlace(value);
    const at = value.place ?? value.spot!;
    const { args } = value;
    for (let a = 0; a < args.length; a++) use(args[a]!, at);
  }
};

const countRoots = (
  steps: readonly Step[],
  block: Block,
  readVars: ReadonlySet<Register>,
): void => {
  for (let i = 0; i < steps.length; i++) {
    const s = steps[i]!;
    switch (s.kind) {
      case 'compute':
        s.value.forced = true;
        s.value.free = false;
        s.value.spot = around(s.value.spot, block);
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
      case 'roles':
        for (const { body } of s.roles) countRoots(body.steps, body.block, readVars);
        break;
      case 'special':
        if (hasEffect(s, readVars)) for (const v of s.parts) use(v, block);
        break;
      case 'barrier':
        break;
      default:
        s satisfies never;
    }
  }
};

/** Where a value is computed once into a register; `undefined` where it is computed wherever it is used. */
const registerPlace = (value: Value): Block | undefined => {
  if (value.free) return undefined;
  const spot = value.spot!;
  if (value.shape.kind === 'const') return beforeInnermostLoop(spot);
  // around all uses, and out of every loop it does not change in
  let place = spot;
  for (let b: Block = spot; b !== value.home && b.parent !== undefined; b = b.parent)
    if (b.kind === 'loop') place = b.parent;
  return value.forced || value.uses > 1 || place !== spot ? place : undefined;
};

/** Vector constants want a register in small loops; further out they would only occupy one. */
const beforeInnermostLoop = (spot: Block): Block | undefined => {
  let b = spot;
  while (b.kind === 'branch' && b.parent !== undefined) b = b.parent;
  return b.kind === 'loop' && b.innermost ? b.parent : undefined;
};

/** Counts a use of `value` in `block`; what is free where it is used passes the use on. */
const use = (value: Value, block: Block): void => {
  value.spot = around(value.spot, block);
  if (value.free && value.args.length > 0) use(value.args[0]!, block);
  else value.uses++;
};

/** The innermost block around `block` and all uses so far. */
const around = (spot: Block | undefined, block: Block): Block => {
  if (spot === undefined) return block;
  let x = spot;
  let y = block;
  while (x !== y) {
    if (x.depth >= y.depth) x = x.parent!;
    else y = y.parent!;
  }
  return x;
};
