/**
 * Who declares which name: the scopes of a program, and whether a name in it is local.
 *
 * Invariant: the program itself is the shared scope of all cells and is not local; `var` belongs to the nearest function.
 */
import type * as acorn from 'acorn';
import { fullAncestor } from 'acorn-walk';

/** How a name of the shared scope was declared. */
export type Kind = 'const' | 'let' | 'var' | 'function' | 'class' | 'import' | 'using';

export interface Scopes {
  /** Names that the program itself declares. */
  readonly shared: ReadonlyMap<string, Kind>;
  /** Whether a name means a local one in a node with these ancestors (the outermost first, the node last). */
  isLocal(name: string, ancestors: readonly acorn.AnyNode[]): boolean;
}

/** The identifiers that a pattern binds. */
export const boundBy = (pattern: acorn.Pattern): readonly acorn.Identifier[] => {
  switch (pattern.type) {
    case 'Identifier':
      return [pattern];
    case 'ObjectPattern':
      return pattern.properties.flatMap((p) =>
        boundBy(p.type === 'RestElement' ? p.argument : p.value),
      );
    case 'ArrayPattern':
      return pattern.elements.flatMap((e) => (e === null ? [] : boundBy(e)));
    case 'RestElement':
      return boundBy(pattern.argument);
    case 'AssignmentPattern':
      return boundBy(pattern.left);
    case 'MemberExpression':
      return [];
    default:
      return pattern satisfies never;
  }
};

type FunctionNode =
  | acorn.FunctionDeclaration
  | acorn.AnonymousFunctionDeclaration
  | acorn.FunctionExpression
  | acorn.ArrowFunctionExpression;

const isFunction = (node: acorn.AnyNode): node is FunctionNode =>
  node.type === 'FunctionDeclaration' ||
  node.type === 'FunctionExpression' ||
  node.type === 'ArrowFunctionExpression';

const holdsVars = (node: acorn.AnyNode): boolean =>
  isFunction(node) || node.type === 'StaticBlock' || node.type === 'Program';

const holdsBlockNames = (node: acorn.AnyNode): boolean =>
  holdsVars(node) ||
  node.type === 'BlockStatement' ||
  node.type === 'ForStatement' ||
  node.type === 'ForInStatement' ||
  node.type === 'ForOfStatement' ||
  node.type === 'SwitchStatement';

const kindOf = (kind: acorn.VariableDeclaration['kind']): Kind =>
  kind === 'using' || kind === 'await using' ? 'using' : kind;

/** The scopes of a program that was parsed as a module. */
export const scopesOf = (program: acorn.Program): Scopes => {
  const local = new Map<acorn.AnyNode, Set<string>>();
  const shared = new Map<string, Kind>();
  const declare = (scope: acorn.AnyNode, name: string, kind: Kind): void => {
    if (scope === program) {
      shared.set(name, kind);
      return;
    }
    const names = local.get(scope) ?? new Set();
    local.set(scope, names.add(name));
  };
  const visit = (node: acorn.AnyNode, above: readonly acorn.AnyNode[]): void => {
    const nearest = (holds: (n: acorn.AnyNode) => boolean): acorn.AnyNode =>
      above.findLast(holds) ?? program;
    if (node.type === 'VariableDeclaration') {
      const scope = nearest(node.kind === 'var' ? holdsVars : holdsBlockNames);
      for (const { id } of node.declarations)
        for (const { name } of boundBy(id)) declare(scope, name, kindOf(node.kind));
    } else if (isFunction(node)) {
      for (const param of node.params)
        for (const { name } of boundBy(param)) declare(node, name, 'let');
      if (node.type === 'FunctionDeclaration' && node.id !== null)
        declare(nearest(holdsBlockNames), node.id.name, 'function');
      else if (node.type === 'FunctionExpression' && node.id != null)
        declare(node, node.id.name, 'function');
    } else if (node.type === 'ClassDeclaration' || node.type === 'ClassExpression') {
      if (node.id == null) return;
      if (node.type === 'ClassDeclaration')
        declare(nearest(holdsBlockNames), node.id.name, 'class');
      // A class has a name of its own within itself.
      declare(node, node.id.name, 'class');
    } else if (node.type === 'CatchClause' && node.param != null)
      for (const { name } of boundBy(node.param)) declare(node, name, 'let');
    else if (node.type === 'ImportDeclaration')
      for (const { local: id } of node.specifiers) declare(program, id.name, 'import');
  };
  fullAncestor(program, (node, _state, ancestors) =>
    visit(node as acorn.AnyNode, (ancestors as acorn.AnyNode[]).slice(0, -1)),
  );
  return {
    shared,
    isLocal: (name, ancestors) => ancestors.some((node) => local.get(node)?.has(name) === true),
  };
};
