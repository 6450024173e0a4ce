/**
 * What a block knows of itself that is no member: what it is called, and what is around its `forward`.
 *
 * Invariant: kept off the block, so that walking its properties finds only the user's.
 */
import { remember } from '../../ir/remember.ts';
import type { Autocast } from '../call.ts';
import { newRevision } from '../revision.ts';
import type { Block } from './block.ts';
import type { Parameter } from './parameter.ts';
import { blocksIn, membersOf, parametersIn } from './structure.ts';
import { newSurround, type Surround } from './surround.ts';

interface Hidden {
  label: string;
  /** True when this block and all below know their names. */
  named: boolean;
  readonly around: Surround;
}

const hidden = new WeakMap<Block, Hidden>();
/** The state of a block, made when it is first asked for. */
export const hiddenOf = (block: Block): Hidden =>
  remember(hidden, block, () => ({
    label: block.constructor.name,
    named: false,
    around: newSurround(),
  }));

/** Gives a block precisions of its own: those of `policy`, or, without one, of its operands. */
export const setPrecision = (block: Block, policy: Autocast | undefined): void => {
  hiddenOf(block).around.precision = { policy };
  newRevision();
};

/** Tells blocks and parameters below the names they have from here, for messages: `hidden (Dense)`. */
export const nameMembers = (block: Block): Map<string, Parameter> => {
  for (const { block: parent } of blocksIn(block)) {
    hiddenOf(parent).named = true;
    for (const member of membersOf(parent))
      if (member.kind === 'block')
        hiddenOf(member.block).label = `${member.path} (${member.block.constructor.name})`;
  }
  const parameters = parametersIn(block);
  for (const [name, parameter] of parameters) parameter.name = name;
  return parameters;
};
