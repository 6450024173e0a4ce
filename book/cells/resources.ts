/**
 * `using`, for engines without it: what is declared so is disposed of when its block ends.
 *
 * Invariant: a block is left with the error, or the value, that it would be left with; what disposing throws besides comes
 * as a SuppressedError where the engine has one.
 */
import type * as acorn from 'acorn';
import type { Edits } from './edits.ts';
import { CellError } from './failure.ts';

export const OPEN_DISPOSAL = 'const $$u=$$run.using();try{';

export const closeDisposal = (isLate: boolean): string =>
  `}catch($$e){$$u.fail($$e)}finally{${isLate ? 'await $$u.disposeLater()' : '$$u.dispose()'}}`;

const isUsing = (node: acorn.AnyNode | null | undefined): node is acorn.VariableDeclaration =>
  node?.type === 'VariableDeclaration' && (node.kind === 'using' || node.kind === 'await using');

const addMethod = ({ kind }: acorn.VariableDeclaration): string =>
  kind === 'await using' ? '$$u.addLater(' : '$$u.add(';

/** Rewrites the declarations, blocks and loops that `using` is about. */
export const addDisposal = (
  node: acorn.AnyNode,
  parent: acorn.AnyNode | undefined,
  edits: Edits,
): void => {
  if (isUsing(node)) {
    if (parent?.type === 'ForOfStatement') {
      edits.replace(node.start, node.declarations[0]!.start, 'const ');
      return;
    }
    if (parent?.type !== 'BlockStatement' && parent?.type !== 'Program')
      throw new CellError('using stands in a block or in for…of', node.loc?.start.line ?? 1);
    if (parent.type === 'BlockStatement')
      edits.replace(node.start, node.declarations[0]!.start, 'const ');
    for (const { init } of node.declarations) {
      edits.open(init!.start, addMethod(node));
      edits.close(init!.end, ')');
    }
  } else if (node.type === 'BlockStatement') {
    const resources = node.body.filter(isUsing);
    if (resources.length === 0) return;
    edits.open(node.start + 1, OPEN_DISPOSAL);
    edits.close(node.end - 1, closeDisposal(resources.some((r) => r.kind === 'await using')));
  } else if (node.type === 'ForOfStatement' && isUsing(node.left)) {
    const { id } = node.left.declarations[0]!;
    const name = id.type === 'Identifier' ? id.name : '';
    edits.open(node.body.start, `{${OPEN_DISPOSAL}${addMethod(node.left)}${name});`);
    edits.close(node.body.end, `${closeDisposal(node.left.kind === 'await using')}}`);
  }
};
