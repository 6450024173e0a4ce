/**
 * Signatures as they stand in the source: parameters and result, without bodies.
 *
 * Invariant: text of the source, spaces apart; public declarations say their types, so nothing is inferred.
 */
import type { Declared, Entry } from './public.ts';
import { child, children, type Syntax, textOf } from './syntax.ts';

const isCallable = (node: Syntax | undefined): node is Syntax =>
  /Function|TSEmptyBodyFunction|TSMethodSignature/.test(node?.type ?? '');

const tidy = (text: string): string =>
  text
    .replace(/\/\*\*?[\s\S]*?\*\//g, '')
    .replace(/\s+/g, ' ')
    .replace(/\( /g, '(')
    .replace(/,? \)/g, ')')
    .trim();

/** `<T>(a: T, b?: number): T` */
const callText = (text: string, callable: Syntax): string => {
  const end = child(callable, 'returnType')?.end ?? child(callable, 'body')?.start ?? callable.end;
  const start = child(callable, 'typeParameters')?.start ?? openParenthesis(text, callable);
  return tidy(text.slice(start, end)).replace(/\s*=>\s*$/, '');
};

const openParenthesis = (text: string, callable: Syntax): number => {
  const [first] = children(callable, 'params');
  return text.lastIndexOf('(', first?.start ?? text.indexOf(')', callable.start));
};

const constructorText = ({ module, node }: Declared): string | undefined => {
  const made = children(child(node, 'body'), 'body').find(
    (m) => textOf(m, 'kind') === 'constructor',
  );
  const callable = child(made, 'value');
  return callable === undefined ? undefined : callText(module.text, callable);
};

/** How the entry is called, constructed or read; `undefined` where its source does not say. */
export const signatureOf = (entry: Entry): string | undefined => {
  const { declared, name, kind } = entry;
  const { module, node } = declared;
  const own = name.split('.').at(-1)!;
  if (kind === 'class') {
    const head = child(node, 'superClass');
    const base =
      head === undefined ? '' : ` extends ${tidy(module.text.slice(head.start, head.end))}`;
    return `class ${own}${base}\nnew ${own}${constructorText(declared) ?? '(…)'}`;
  }
  if (entry.isGetter) {
    const type = child(child(node, 'value'), 'returnType') ?? child(node, 'typeAnnotation');
    return type === undefined ? own : own + tidy(module.text.slice(type.start, type.end));
  }
  const value = child(node, 'init') ?? child(node, 'value') ?? node;
  if (isCallable(value)) return own + callText(module.text, value);
  const type = child(child(node, 'id'), 'typeAnnotation');
  return type === undefined ? undefined : own + tidy(module.text.slice(type.start, type.end));
};
