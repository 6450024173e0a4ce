/**
 * Imports of a cell: calls, because the module is found by whoever runs the cell.
 *
 * Invariant: lines stay; `import` and `import.meta` mean what they do in a module, names are those of the shared scope.
 */
import type * as acorn from 'acorn';
import type { Edits } from './edits.ts';

const nameOf = (name: acorn.Identifier | acorn.Literal): string =>
  name.type === 'Identifier' ? name.name : String(name.value);

const importedBy = (specifier: acorn.ImportDeclaration['specifiers'][number]): string => {
  switch (specifier.type) {
    case 'ImportSpecifier':
      return nameOf(specifier.imported);
    case 'ImportDefaultSpecifier':
      return 'default';
    case 'ImportNamespaceSpecifier':
      return '*';
    default:
      return specifier satisfies never;
  }
};

/** Rewrites a node that imports; leaves others as they are. */
export const rewriteImport = (node: acorn.AnyNode, code: string, edits: Edits): void => {
  if (node.type === 'ImportDeclaration') {
    const names = node.specifiers.map((s) => [importedBy(s), s.local.name]);
    const lines = code.slice(node.start, node.end).split('\n').length;
    const call = `await $$run.import(${JSON.stringify(node.source.value)},${JSON.stringify(names)},$$own);`;
    edits.replace(node.start, node.end, call + '\n'.repeat(lines - 1));
  } else if (node.type === 'ImportExpression') {
    edits.replace(node.start, node.source.start, '$$run.load(');
    if (node.options != null) edits.replace(node.source.end, node.options.end, '');
  } else if (node.type === 'MetaProperty' && node.meta.name === 'import')
    edits.replace(node.start, node.end, '$$run.meta');
};
