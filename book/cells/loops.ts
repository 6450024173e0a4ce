/**
 * Loops that can be stopped: those that call something look at a flag each time.
 *
 * Invariant: loops of plain arithmetic stay as they are, so that they run as fast as anywhere else.
 */
import type * as acorn from 'acorn';
import { full } from 'acorn-walk';
import type { Edits } from './edits.ts';

const STOP = '$$run.stop[0]&&$$run.interrupted();';

const CALLS: ReadonlySet<string> = new Set([
  'CallExpression',
  'NewExpression',
  'AwaitExpression',
  'YieldExpression',
  'TaggedTemplateExpression',
]);

const callsAnything = (node: acorn.Node): boolean => {
  let found = false;
  full(node, ({ type }) => {
    found ||= CALLS.has(type);
  });
  return found;
};

/** Adds the look at the flag, if the node is a loop that wants one. */
export const addStops = (node: acorn.AnyNode, edits: Edits): void => {
  switch (node.type) {
    case 'ForStatement':
    case 'ForInStatement':
    case 'ForOfStatement':
    case 'WhileStatement':
    case 'DoWhileStatement': {
      if (!callsAnything(node)) return;
      const { body } = node;
      if (body.type === 'BlockStatement') edits.open(body.start + 1, STOP);
      else {
        edits.open(body.start, `{${STOP}`);
        edits.close(body.end, '}');
      }
    }
  }
};
