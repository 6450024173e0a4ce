/**
 * The changes that make a program a cell: shared names become properties, imports calls, the last value is returned.
 *
 * Invariant: no change adds or removes a line. `$$` is the scope of earlier cells, `$$own` the one for what this cell
 * declares (the same object, but for cells apart), `$$run` holds the helpers of `run.ts`.
 */
import type * as acorn from 'acorn';
import { full, fullAncestor } from 'acorn-walk';
import { type Edits, editsOf } from './edits.ts';
import { CellError } from './failure.ts';
import { rewriteImport } from './imports.ts';
import { addStops } from './loops.ts';
import { addDisposal, closeDisposal, OPEN_DISPOSAL } from './resources.ts';
import { boundBy, type Kind, type Scopes } from './scopes.ts';

export interface Surroundings {
  readonly known: ReadonlyMap<string, Kind>;
  readonly isGlobal: (name: string) => boolean;
}

export interface Rewritten {
  /** Before the first line. */
  readonly head: string;
  readonly body: string;
  readonly foot: string;
}

/** Where a shared name lives, or undefined for local names and for those of the engine. */
type Home = '$$' | '$$own' | undefined;

const lineOf = (node: acorn.Node): number => node.loc?.start.line ?? 1;

const isAnonymous = (node: acorn.AnyNode): boolean =>
  node.type === 'ArrowFunctionExpression' ||
  ((node.type === 'FunctionExpression' || node.type === 'ClassExpression') && node.id == null);

/** Functions take the names of variables that they are given to; a property does not give its name. */
const nameValue = (edits: Edits, name: string, value: acorn.AnyNode): void => {
  if (!isAnonymous(value)) return;
  edits.open(value.start, `({${name}:`);
  edits.close(value.end, `}).${name}`);
};

const ENDED_BY_SEMICOLON: ReadonlySet<acorn.AnyNode['type']> = new Set([
  'ExpressionStatement',
  'VariableDeclaration',
  'ReturnStatement',
  'ThrowStatement',
  'BreakStatement',
  'ContinueStatement',
  'DoWhileStatement',
]);

const isForHead = (node: acorn.AnyNode, parent: acorn.AnyNode | undefined): boolean =>
  (parent?.type === 'ForStatement' && parent.init === node) ||
  ((parent?.type === 'ForInStatement' || parent?.type === 'ForOfStatement') &&
    parent.left === node);

/** The value of the last statement is shown, unless it is the effect of an assignment. */
const shownStatement = (program: acorn.Program): acorn.Statement | undefined => {
  const last = program.body.at(-1);
  if (last?.type !== 'ExpressionStatement') return undefined;
  const { type } = last.expression;
  return type === 'AssignmentExpression' || type === 'UpdateExpression' ? undefined : last;
};

/** The code of a cell between its head and its foot. */
export const rewrite = (
  code: string,
  program: acorn.Program,
  scopes: Scopes,
  { known, isGlobal }: Surroundings,
): Rewritten => {
  const edits = editsOf(code);
  const shorthand = new Set<number>();
  const bindings = new Set<acorn.AnyNode>();
  full(program, (any) => {
    const node = any as acorn.AnyNode;
    if (node.type === 'ObjectExpression' || node.type === 'ObjectPattern')
      for (const p of node.properties)
        if (p.type === 'Property' && p.shorthand) shorthand.add(p.key.start);
    if (node.type === 'VariableDeclaration')
      for (const { id } of node.declarations) for (const name of boundBy(id)) bindings.add(name);
  });

  const homeOf = (name: string, ancestors: readonly acorn.AnyNode[]): Home => {
    if (name === 'arguments' || scopes.isLocal(name, ancestors)) return undefined;
    if (scopes.shared.has(name)) return '$$own';
    return known.has(name) || !isGlobal(name) ? '$$' : undefined;
  };

  const refuseAssignment = (node: acorn.Identifier): void => {
    const kind = scopes.shared.get(node.name) ?? known.get(node.name);
    if (kind === 'const' || kind === 'import' || kind === 'using')
      throw new CellError(
        `${node.name} is a constant; declare it with let, or declare it again`,
        lineOf(node),
      );
  };

  const rewriteName = (
    node: acorn.Identifier,
    above: readonly acorn.AnyNode[],
    isPattern: boolean,
  ): void => {
    const parent = above.at(-1);
    if (node.name.startsWith('$$'))
      throw new CellError(`${node.name}: names that begin with $$ are taken`, lineOf(node));
    const isOwnName =
      (parent?.type === 'FunctionDeclaration' || parent?.type === 'ClassDeclaration') &&
      parent.id === node;
    const home = homeOf(node.name, above);
    if (isOwnName || home === undefined) return;
    const isChanged = (isPattern && !bindings.has(node)) || parent?.type === 'UpdateExpression';
    if (isChanged) refuseAssignment(node);
    const place = `${home}.${node.name}`;
    const isCalled =
      (parent?.type === 'CallExpression' && parent.callee === node) ||
      parent?.type === 'TaggedTemplateExpression';
    const text = isCalled
      ? `(0,${place})`
      : parent?.type === 'UnaryExpression' && parent.operator === 'typeof'
        ? `("${node.name}" in ${home}?${place}:undefined)`
        : place;
    edits.replace(node.start, node.end, shorthand.has(node.start) ? `${node.name}:${text}` : text);
  };

  const isShared = (node: acorn.VariableDeclaration, above: readonly acorn.AnyNode[]): boolean =>
    node.declarations
      .flatMap(({ id }) => boundBy(id))
      .some(({ name }) => !scopes.isLocal(name, above)) ||
    (above.length === 1 && node.declarations.every(({ id }) => boundBy(id).length === 0));

  const rewriteDeclaration = (
    node: acorn.VariableDeclaration,
    above: readonly acorn.AnyNode[],
  ): void => {
    if (!isShared(node, above)) return;
    const parent = above.at(-1);
    const inHead = isForHead(node, parent);
    const isIterated = inHead && parent?.type !== 'ForStatement';
    const first = node.declarations[0]!;
    const newlines = code.slice(node.start, first.start).replaceAll(/[^\n]/g, '');
    edits.replace(node.start, first.start, `${inHead ? '' : '('}${newlines}`);
    for (const declarator of node.declarations) {
      const { id, init } = declarator;
      if (init != null && id.type === 'Identifier') nameValue(edits, id.name, init);
      if (init != null || isIterated || id.type !== 'Identifier') continue;
      if (node.kind === 'var') edits.open(declarator.start, `"${id.name}" in $$own||(`);
      edits.close(declarator.end, node.kind === 'var' ? '=undefined)' : '=undefined');
    }
    if (!inHead) edits.close(code[node.end - 1] === ';' ? node.end - 1 : node.end, ')');
  };

  const shown = shownStatement(program);
  fullAncestor(program, (any, _state, ancestors, type) => {
    const node = any as acorn.AnyNode;
    const path = ancestors as acorn.AnyNode[];
    const above = path.slice(0, -1);
    const parent = above.at(-1);
    addStops(node, edits);
    addDisposal(node, parent, edits);
    switch (node.type) {
      case 'Identifier':
        rewriteName(node, above, type === 'VariablePattern');
        break;
      case 'VariableDeclaration':
        rewriteDeclaration(node, above);
        break;
      case 'AssignmentExpression':
      case 'AssignmentPattern':
        if (node.left.type === 'Identifier' && homeOf(node.left.name, above) !== undefined)
          nameValue(edits, node.left.name, node.right);
        break;
      case 'ClassDeclaration':
        if (parent !== program) break;
        edits.open(node.start, `$$own.${node.id?.name}=`);
        edits.close(node.end, ';');
        break;
      case 'ExportNamedDeclaration':
      case 'ExportDefaultDeclaration':
      case 'ExportAllDeclaration':
        throw new CellError('cells share one scope: nothing needs to be exported', lineOf(node));
      default:
        rewriteImport(node, code, edits);
    }
    if (node === shown) {
      edits.open(node.start, 'return (');
      edits.close(code[node.end - 1] === ';' ? node.end - 1 : node.end, ')');
    }
    if (ENDED_BY_SEMICOLON.has(node.type) && code[node.end - 1] !== ';' && !isForHead(node, parent))
      edits.close(node.end, ';');
  });
  const functions = program.body.flatMap((statement) =>
    statement.type === 'FunctionDeclaration' ? [statement.id.name] : [],
  );
  const hoisted = functions.map((name) => `$$own.${name}=${name};`).join('');
  const isDisposing = [...scopes.shared.values()].includes('using');
  const isLate = program.body.some(
    (s) => s.type === 'VariableDeclaration' && s.kind === 'await using',
  );
  return {
    head: (isDisposing ? OPEN_DISPOSAL : '') + hoisted,
    body: edits.apply(),
    foot: isDisposing ? closeDisposal(isLate) : '',
  };
};
