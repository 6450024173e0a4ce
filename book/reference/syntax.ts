/**
 * Source text as syntax, just enough to find what modules export and which names a piece of code leaves free.
 *
 * Invariant: nothing is resolved or type checked; a module is parsed once.
 */
import { readFileSync } from 'node:fs';
import { parseSync } from 'rolldown/experimental';

export interface Syntax {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}
export interface Comment {
  readonly type: 'Line' | 'Block';
  readonly value: string;
  readonly start: number;
  readonly end: number;
}
export interface Parsed {
  readonly file: string;
  readonly text: string;
  readonly body: readonly Syntax[];
  readonly comments: readonly Comment[];
}

const isSyntax = (value: unknown): value is Syntax =>
  typeof value === 'object' && value !== null && 'type' in value && 'start' in value;

/** The node in a field, if there is one. */
export const child = (node: Syntax | undefined, field: string): Syntax | undefined => {
  const value = node?.[field];
  return isSyntax(value) ? value : undefined;
};
/** The nodes in a field that is a list. */
export const children = (node: Syntax | undefined, field: string): readonly Syntax[] => {
  const value = node?.[field];
  return Array.isArray(value) ? value.filter(isSyntax) : [];
};
export const textOf = (node: Syntax | undefined, field: string): string =>
  String(node?.[field] ?? '');
/** The name of an identifier, or the value of a string, in a field. */
export const nameIn = (node: Syntax | undefined, field: string): string => {
  const found = child(node, field);
  return String(found?.['name'] ?? found?.['value'] ?? '');
};

/** Throws where the text is no program. */
export const parseText = (file: string, text: string): Parsed => {
  const { program, comments, errors } = parseSync(file, text, { sourceType: 'module' });
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]!.message}\n${text}`);
  const { body } = program as unknown as { readonly body: readonly Syntax[] };
  return { file, text, body, comments: comments as readonly Comment[] };
};

const modules = new Map<string, Parsed>();
export const parseModule = (file: string): Parsed => {
  let found = modules.get(file);
  if (found === undefined) {
    found = parseText(file, readFileSync(file, 'utf8'));
    modules.set(file, found);
  }
  return found;
};

/** Visits a node and all within it. */
export const walk = (node: Syntax, visit: (node: Syntax, parent?: Syntax) => void): void => {
  const go = (at: Syntax, parent?: Syntax): void => {
    visit(at, parent);
    for (const value of Object.values(at))
      for (const part of Array.isArray(value) ? value : [value]) if (isSyntax(part)) go(part, at);
  };
  go(node);
};

/** The names that a program reads and nothing in it declares (scopes are not told apart). */
export const freeNames = (body: readonly Syntax[]): ReadonlySet<string> => {
  const read = new Set<string>();
  const declared = new Set<string>();
  const declare = (pattern: Syntax | undefined): void => {
    switch (pattern?.type) {
      case 'Identifier':
        declared.add(textOf(pattern, 'name'));
        return;
      case 'ObjectPattern':
        for (const p of children(pattern, 'properties'))
          declare(p.type === 'Property' ? child(p, 'value') : child(p, 'argument'));
        return;
      case 'ArrayPattern':
        for (const p of children(pattern, 'elements')) declare(p);
        return;
      case 'AssignmentPattern':
        declare(child(pattern, 'left'));
        return;
      case 'RestElement':
        declare(child(pattern, 'argument'));
        return;
    }
  };
  for (const statement of body)
    walk(statement, (node, parent) => {
      if (node.type === 'Identifier') {
        const isKey =
          (parent?.['property'] === node || parent?.['key'] === node) &&
          parent?.['computed'] !== true &&
          parent?.['shorthand'] !== true;
        if (!isKey) read.add(textOf(node, 'name'));
      }
      if (node.type === 'VariableDeclarator' || node.type.endsWith('Specifier'))
        declare(child(node, 'id') ?? child(node, 'local'));
      if (/^(Class|Function)/.test(node.type)) declare(child(node, 'id'));
      for (const parameter of children(node, 'params')) declare(parameter);
    });
  return new Set([...read].filter((name) => !declared.has(name)));
};
