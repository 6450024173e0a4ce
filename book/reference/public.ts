/**
 * The package as its users see it: what each subpath exports, and the docstring before it.
 *
 * Invariant: types are left out; a thing that several subpaths export is listed once, by its first name.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  child,
  children,
  nameIn,
  type Parsed,
  parseModule,
  type Syntax,
  textOf,
} from './syntax.ts';

export const root: string = fileURLToPath(new URL('../../', import.meta.url));

/** Something that has a docstring, or ought to. */
export interface Entry {
  /** As a user would write it: `nd.fft.fft`, `optim.Adam`. */
  readonly name: string;
  /** Of the package: `.`, `./nn`. */
  readonly subpath: string;
  readonly file: string;
  readonly kind: 'function' | 'class' | 'value' | 'member';
  /** Without the stars; undefined if there is none. */
  readonly doc: string | undefined;
  /** Of members: read without parentheses. */
  readonly isGetter: boolean;
  /** Where its types are. */
  readonly declared: Declared;
}

export interface Declared {
  readonly module: Parsed;
  /** What a docstring stands before. */
  readonly statement: Syntax;
  readonly node: Syntax;
}
interface Namespace {
  readonly namespace: string;
}
export type Export = Declared | Namespace;

const docBefore = ({ comments, text }: Parsed, start: number): string | undefined => {
  const last = comments.filter((c) => c.end <= start).at(-1);
  if (last?.type !== 'Block' || !last.value.startsWith('*')) return undefined;
  if (text.slice(last.end, start).trim() !== '') return undefined;
  return last.value
    .slice(1)
    .replace(/^ *\* ?/gm, '')
    .trim();
};

const declarationsOf = (module: Parsed): ReadonlyMap<string, Declared> => {
  const found = new Map<string, Declared>();
  for (const statement of module.body) {
    const node =
      statement.type === 'ExportNamedDeclaration' ? child(statement, 'declaration') : statement;
    const declarators = children(node, 'declarations');
    for (const one of declarators.length > 0 ? declarators : node === undefined ? [] : [node]) {
      const name = nameIn(one, 'id');
      const isMerged = found.get(name)?.node.type === 'TSInterfaceDeclaration';
      if (name !== '' && (isMerged || !found.has(name)))
        found.set(name, { module, statement, node: one });
    }
  }
  return found;
};

const beside = (file: string, statement: Syntax): string =>
  resolve(dirname(file), nameIn(statement, 'source'));

/** Where a name of a module comes from, types too. */
export const find = (file: string, name: string): Export | undefined => {
  const module = parseModule(file);
  for (const statement of module.body)
    if (statement.type === 'ExportNamedDeclaration')
      for (const s of children(statement, 'specifiers')) {
        const [from, as] = [nameIn(s, 'local'), nameIn(s, 'exported')];
        if (as !== name) continue;
        if (child(statement, 'source') !== undefined) return find(beside(file, statement), from);
        if (from !== name) return find(file, from);
      }
  const own = declarationsOf(module).get(name);
  if (own !== undefined) return own;
  for (const statement of module.body) {
    if (statement.type === 'ImportDeclaration')
      for (const s of children(statement, 'specifiers')) {
        if (nameIn(s, 'local') !== name) continue;
        const from = beside(file, statement);
        if (s.type === 'ImportNamespaceSpecifier') return { namespace: from };
        return find(from, nameIn(s, 'imported'));
      }
    if (statement.type === 'ExportAllDeclaration' && child(statement, 'exported') === undefined) {
      const found = find(beside(file, statement), name);
      if (found !== undefined) return found;
    }
  }
  return undefined;
};

/** The exports of a module, types left out. */
const exportsOf = (file: string): ReadonlyMap<string, Export> => {
  const found = new Map<string, Export>();
  const add = (name: string, from: string, local: string): void => {
    const value = find(from, local);
    if (value === undefined) throw new Error(`${file} exports ${name}, which is nowhere`);
    found.set(name, value);
  };
  for (const statement of parseModule(file).body) {
    if (textOf(statement, 'exportKind') === 'type') continue;
    if (statement.type === 'ExportAllDeclaration') {
      const from = beside(file, statement);
      const name = nameIn(statement, 'exported');
      if (name !== '') found.set(name, { namespace: from });
      else for (const [key, value] of exportsOf(from)) found.set(key, value);
    }
    if (statement.type !== 'ExportNamedDeclaration') continue;
    const declaration = child(statement, 'declaration');
    if (declaration !== undefined && !declaration.type.startsWith('TS')) {
      const declarators = children(declaration, 'declarations');
      for (const one of declarators.length > 0 ? declarators : [declaration])
        add(nameIn(one, 'id'), file, nameIn(one, 'id'));
    }
    const from = child(statement, 'source') === undefined ? file : beside(file, statement);
    for (const s of children(statement, 'specifiers'))
      if (textOf(s, 'exportKind') !== 'type') add(nameIn(s, 'exported'), from, nameIn(s, 'local'));
  }
  return found;
};

/** The names that interfaces of a class declare: documented there. */
const promised = (file: string, node: Syntax): ReadonlySet<string> => {
  const names = new Set<string>();
  for (const one of children(node, 'implements')) {
    const found = find(file, nameIn(one, 'expression'));
    if (found !== undefined && !('namespace' in found))
      for (const member of children(child(found.node, 'body'), 'body'))
        names.add(nameIn(member, 'key'));
  }
  return names;
};

interface Member {
  readonly doc: string | undefined;
  readonly isGetter: boolean;
  readonly declared: Declared;
}

/** What interfaces of the same name as a class add to it. */
const mergedInto = ({ module, node }: Declared): readonly Declared[] =>
  module.body.flatMap((statement) => {
    const one = child(statement, 'declaration') ?? statement;
    if (one.type !== 'TSInterfaceDeclaration' || nameIn(one, 'id') !== nameIn(node, 'id'))
      return [];
    return children(one, 'extends').flatMap((heritage) => {
      const found = find(module.file, nameIn(heritage, 'expression'));
      return found === undefined || 'namespace' in found ? [] : [found];
    });
  });

const isOwn = (member: Syntax): boolean =>
  textOf(member, 'kind') !== 'constructor' &&
  member['computed'] !== true &&
  member['override'] !== true &&
  child(member, 'key')?.type === 'Identifier' &&
  !['private', 'protected'].includes(textOf(member, 'accessibility'));

/** Methods and accessors that are new in a class, by name. */
const membersOf = (declared: Declared): ReadonlyMap<string, Member> => {
  const found = new Map<string, Member>();
  const elsewhere = promised(declared.module.file, declared.node);
  for (const { module, node } of [declared, ...mergedInto(declared)])
    for (const member of children(child(node, 'body'), 'body')) {
      if (!/^((TSAbstract)?MethodDefinition|TS(Method|Property)Signature)$/.test(member.type))
        continue;
      const name = nameIn(member, 'key');
      const doc = docBefore(module, member.start);
      if (!isOwn(member) || elsewhere.has(name) || doc?.includes('@internal')) continue;
      const isGetter = member.type === 'TSPropertySignature' || textOf(member, 'kind') === 'get';
      const before = found.get(name);
      if (before?.doc === undefined)
        found.set(name, { doc, isGetter, declared: { module, statement: member, node: member } });
    }
  return found;
};

const kindOf = ({ node }: Declared): Entry['kind'] => {
  if (node.type === 'ClassDeclaration') return 'class';
  const value = child(node, 'init');
  const isCallable =
    node.type !== 'VariableDeclarator' ||
    /Function|Call/.test(value?.type ?? '') ||
    child(child(node, 'id'), 'typeAnnotation')?.['typeAnnotation'] === undefined;
  return isCallable && !/^(Object|Array|TSAs|New)/.test(value?.type ?? '') ? 'function' : 'value';
};

/** The name of a subpath where code names it: `./io/npy` is `npy`. */
export const nameOfSubpath = (subpath: string): string =>
  (subpath.split('/').at(-1) ?? '').replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

export interface Subpath {
  readonly subpath: string;
  readonly file: string;
}
interface Target {
  readonly 'tigon-source'?: string;
}
const targets = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, Target>>;
};
export const subpaths: readonly Subpath[] = Object.entries(targets.exports).flatMap(
  ([subpath, target]) =>
    target['tigon-source'] === undefined
      ? []
      : [{ subpath, file: resolve(root, target['tigon-source']) }],
);

/** Names that each subpath exports itself. */
export const namesOf = (subpath: Subpath): readonly string[] => [...exportsOf(subpath.file).keys()];

/** Everything that users call or construct, and the members of classes. */
export const publicEntries = (): readonly Entry[] => {
  const entries: Entry[] = [];
  const seen = new Set<Syntax | string>();
  const visit = (subpath: string, prefix: string, file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const [own, value] of exportsOf(file)) {
      const name = `${prefix}${own}`;
      if ('namespace' in value) {
        visit(subpath, `${name}.`, value.namespace);
        continue;
      }
      if (seen.has(value.node) || value.node.type.startsWith('TSInterface')) continue;
      seen.add(value.node);
      const common = { subpath, file: value.module.file, declared: value };
      const doc = docBefore(value.module, value.statement.start);
      entries.push({ ...common, name, kind: kindOf(value), doc, isGetter: false });
      if (value.node.type === 'ClassDeclaration')
        for (const [key, member] of membersOf(value))
          entries.push({ ...common, ...member, name: `${name}.${key}`, kind: 'member' });
    }
  };
  for (const { subpath, file } of subpaths)
    visit(subpath, subpath === '.' ? '' : `${nameOfSubpath(subpath)}.`, file);
  return entries;
};
