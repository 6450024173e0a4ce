/**
 * What a docstring has to say, by the declared types of what it is about: errors always, dtypes and shapes wherever
 * arrays go in or out.
 *
 * Invariant: types are read from the source and nothing is inferred. Interfaces and aliases are looked into, classes
 * are not: what takes a layer or a parameter takes no array by that.
 */

import { type Declared, type Entry, find } from '../../book/reference/public.ts';
import { child, children, nameIn, type Syntax, textOf, walk } from '../../book/reference/syntax.ts';
import { type ErrorCode, TigonError } from '../../src/ir/errors.ts';

const ARRAYS: ReadonlySet<string> = new Set(['NDArray', 'Operand']);

/** Names of types in a piece of code: `NDArray` of `nd.NDArray[]`. */
const typeNames = (node: Syntax | undefined): readonly string[] => {
  const names: string[] = [];
  if (node !== undefined)
    walk(node, (at) => {
      if (at.type === 'TSInterfaceHeritage') names.push(nameIn(at, 'expression'));
      if (at.type !== 'TSTypeReference') return;
      const name = child(at, 'typeName');
      names.push(name?.type === 'TSQualifiedName' ? nameIn(name, 'right') : textOf(name, 'name'));
    });
  return names;
};

const named = new Map<string, boolean>();

/** Whether a type by this name, seen from a file, is one of arrays. */
const isOfArrays = (file: string, name: string): boolean => {
  if (ARRAYS.has(name)) return true;
  const key = `${file} ${name}`;
  const known = named.get(key);
  if (known !== undefined) return known;
  named.set(key, false);
  const found = find(file, name);
  if (found === undefined || 'namespace' in found) return false;
  if (!/^TS(Interface|TypeAlias)Declaration$/.test(found.node.type)) return false;
  const result = mentionsArrays(found.module.file, found.node);
  named.set(key, result);
  return result;
};

const mentionsArrays = (file: string, node: Syntax | undefined): boolean =>
  typeNames(node).some((name) => isOfArrays(file, name));

/** Whether arrays are among the parameters or the result of a function. */
const hasArrays = (file: string, f: Syntax | undefined): boolean =>
  mentionsArrays(file, child(f, 'typeParameters')) ||
  children(f, 'params').some((p) => mentionsArrays(file, p)) ||
  mentionsArrays(file, child(f, 'returnType'));

const isPublic = (member: Syntax): boolean =>
  !['private', 'protected'].includes(textOf(member, 'accessibility')) &&
  child(member, 'key')?.type === 'Identifier';

/** Whether a class is made of arrays, or has a method of arrays, or extends one that has. */
const classHasArrays = ({ module, node }: Declared): boolean => {
  const own = children(child(node, 'body'), 'body').some(
    (member) =>
      isPublic(member) &&
      /^(TSAbstract)?MethodDefinition$/.test(member.type) &&
      hasArrays(module.file, child(member, 'value')),
  );
  const above = nameIn(node, 'superClass');
  if (own || above === '') return own;
  const found = find(module.file, above);
  return found !== undefined && !('namespace' in found) && classHasArrays(found);
};

/** What types do not tell, and why. */
const TOLD: Readonly<Record<string, readonly [hasArrays: boolean, why: string]>> = {
  hybridize: [true, 'arguments and results of the function are its type parameters'],
  checkpoint: [true, 'arguments and results of the function are its type parameters'],
  'nd.load': [true, 'typed by the module that it loads'],
  'nd.save': [true, 'typed by the module that it loads'],
  'nd.serialize': [true, 'typed by the module that it loads'],
};

/** Whether something takes or gives arrays. */
export const touchesArrays = ({ name, kind, declared }: Entry): boolean => {
  const told = TOLD[name];
  if (told !== undefined) return told[0];
  const { module, node } = declared;
  switch (kind) {
    case 'class':
      return classHasArrays(declared);
    case 'member':
      return (
        hasArrays(module.file, child(node, 'value') ?? node) ||
        mentionsArrays(module.file, child(node, 'typeAnnotation'))
      );
    case 'function': {
      const value = child(node, 'init') ?? node;
      const annotation = child(child(node, 'id'), 'typeAnnotation');
      return hasArrays(module.file, value) || mentionsArrays(module.file, annotation);
    }
    case 'value':
      return false;
    default:
      return kind satisfies never;
  }
};

/** What a docstring may lack. */
export type Lack = '@throws' | 'dtypes' | 'shapes' | 'kinds of errors that there are';

const CODES: Readonly<Record<ErrorCode, true>> = {
  shape: true,
  dtype: true,
  value: true,
  option: true,
  trace: true,
  gradient: true,
  memory: true,
  freed: true,
  device: true,
  file: true,
  parse: true,
  verify: true,
  data: true,
};
/** Names of errors: Tigon's, and `Error` of checks that fail. */
const KINDS: ReadonlySet<string> = new Set([
  'Error',
  ...Object.keys(CODES).map((code) => new TigonError(code as ErrorCode, '').name),
]);
const hasKinds = (text: string): boolean =>
  [...text.matchAll(/^@throws \{(.*?)\}/gm)].every(([, names]) =>
    names!.split(' | ').every((name) => KINDS.has(name)),
  );

const THROWS = /^@throws\b/m;
const DTYPES = /dtype|float|integer|int\d|bool/i;
const SHAPES = /shape|\[|scalar|axis|axes|same size/i;

/** A docstring without its examples. */
const prose = (doc: string | undefined): string =>
  (doc ?? '').replace(/^@example[\s\S]*?(?=^@(?!example)\w|$(?![\s\S]))/gm, '');

/** What the docstrings of entries lack. One that says `@see {@link name}` has what that one has; members what their class has. */
export const lacking = (entries: readonly Entry[]): ReadonlyMap<Entry, readonly Lack[]> => {
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const like = (entry: Entry): readonly Entry[] =>
    [...(entry.doc ?? '').matchAll(/^@see \{@link ([\w.]+)\}/gm)].flatMap(([, name]) => {
      const [last] = name!.split('.').slice(-1);
      const near = entries.filter((e) => e.name === name || e.name.split('.').at(-1) === last);
      return near.filter((e) => e !== entry);
    });
  const classOf = ({ name, kind }: Entry): Entry | undefined =>
    kind === 'member' ? byName.get(name.split('.').slice(0, -1).join('.')) : undefined;
  const lacks = (entry: Entry): readonly Lack[] => {
    const texts = [entry, ...like(entry)].map(({ doc }) => prose(doc));
    const above = classOf(entry);
    const words = [...texts, prose(above?.doc)];
    const missing: Lack[] = [];
    if (entry.kind !== 'value' && !entry.isGetter && !texts.some((t) => THROWS.test(t)))
      missing.push('@throws');
    if (!hasKinds(texts[0]!)) missing.push('kinds of errors that there are');
    if (!touchesArrays(entry)) return missing;
    if (!words.some((t) => DTYPES.test(t))) missing.push('dtypes');
    if (!words.some((t) => SHAPES.test(t))) missing.push('shapes');
    return missing;
  };
  return new Map(entries.map((entry) => [entry, lacks(entry)]));
};
