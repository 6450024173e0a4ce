/**
 * Docstring examples as functions that run them and check what their comments say.
 *
 * Invariant: a statement whose line ends in a comment with a value is checked against it: numbers to 5e-5, and what has
 * the shape of arrays as a whole. Names that an example does not declare are the package's (of its own subpath first,
 * then of the others; a subpath is a namespace of its own name), or of the scene below.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Entry, nameOfSubpath, namesOf, subpaths } from '../../book/reference/public.ts';
import {
  child,
  children,
  freeNames,
  nameIn,
  parseText,
  type Syntax,
  textOf,
  walk,
} from '../../book/reference/syntax.ts';

/** What examples of training take for granted. */
export const SCENE = `
class Net extends HybridBlock {
  features = new nn.HybridSequential(new nn.Dense(8, { activation: 'relu' }));
  output = new nn.Dense(3);
  override forward(x: nd.NDArray): nd.NDArray { return this.output(this.features(x)); }
}
export const scene = () => {
  const net = new Net();
  net.initialize();
  const x = nd.ones([2, 784]);
  const y = nd.array([0, 1], { dtype: 'int32' });
  x.attachGrad();
  const loss = new SoftmaxCrossEntropyLoss();
  const trainer = new Trainer(net.parameters(), 'sgd');
  const l = autograd.record(() => loss(net(x), y));
  return { Net, net, x, y, loss, trainer, l, devices: [device.cpu()] };
};
`;
const IN_SCENE = ['Net', 'net', 'x', 'y', 'loss', 'trainer', 'l', 'devices'];

const urlOf = (file: string): string => JSON.stringify(pathToFileURL(file).href);
const entryOf = (subpath: string): string =>
  urlOf(subpaths.find((s) => s.subpath === subpath)!.file);

/** The code of the examples in a docstring. */
export const examplesIn = (doc: string): readonly string[] =>
  doc
    .split(/^@example/m)
    .slice(1)
    .map((text) =>
      text
        .replace(/^@\w[\s\S]*/m, '')
        .replace(/^```\w*$/gm, '')
        .trim(),
    );

const VALUE = /^ (\[.*\]|-?\d[\d.]*(?:e[-+]?\d+)?|-?Infinity|NaN|true|false|'[^']*')$/;

const isValue = (text: string | undefined): text is string => {
  if (text === undefined) return false;
  try {
    return parseText('value.ts', `(${text});`).body.length === 1;
  } catch {
    return false;
  }
};

/** Statements at the top with what their comments promise, if it is a value. */
const checked = (code: string): { readonly code: string; readonly checks: number } => {
  const { body, comments } = parseText('example.ts', code);
  let result = code;
  let checks = 0;
  for (const statement of [...body].reverse()) {
    const comment = comments.find(
      (c) => c.start >= statement.end && /^ *$/.test(code.slice(statement.end, c.start)),
    );
    const wanted = comment?.type === 'Line' ? VALUE.exec(comment.value)?.[1] : undefined;
    const declarator = children(statement, 'declarations')[0];
    const value =
      statement.type === 'ExpressionStatement' ? child(statement, 'expression') : undefined;
    if (!isValue(wanted) || (value === undefined && declarator === undefined)) continue;
    checks++;
    const [from, to] = value ? [statement.start, statement.end] : [statement.end, statement.end];
    const what = value ? code.slice(value.start, value.end) : nameIn(declarator, 'id');
    result = `${result.slice(0, from)}${value ? '' : ' '}await check(${what}, ${wanted});${result.slice(to)}`;
  }
  return { code: result, checks };
};

/** Imports inside of a function: `import { a } from 'b'`. */
const withoutImports = (code: string): string =>
  code.replace(
    /^import (?:(\{[^}]*\})|\* as (\w+)) from '([^']*)';$/gm,
    (_, names: string | undefined, namespace: string, from: string) => {
      const module = /^tigon\b/.test(from) ? entryOf(from.replace('tigon', '.')) : `'${from}'`;
      return `const ${names?.replace(/ as /g, ': ') ?? namespace} = await import(${module});`;
    },
  );

/** Names that are only used as `name.something`. */
export const usedAsNamespace = (body: readonly Syntax[]): ReadonlySet<string> => {
  const called = new Set<string>();
  const objects = new Set<string>();
  for (const statement of body)
    walk(statement, (node) => {
      if (node.type === 'CallExpression') called.add(nameIn(node, 'callee'));
      if (/^(MemberExpression|TSQualifiedName)$/.test(node.type))
        objects.add(nameIn(node, 'object') || nameIn(node, 'left'));
    });
  return new Set([...objects].filter((name) => !called.has(name)));
};

const MAIN = subpaths.find((s) => s.subpath === '.')!;
const exported = new Map(subpaths.map((s) => [s.subpath, new Set(namesOf(s))]));

/** Where a name that an example leaves free comes from: the scene, a subpath, or (`namespace`) a subpath as a whole. */
export type Home =
  | { readonly kind: 'scene' }
  | { readonly kind: 'member' | 'namespace'; readonly subpath: string };

export const homeOf = (name: string, from: string, isNamespace: boolean): Home | undefined => {
  const namespace = subpaths.find(
    ({ subpath }) => subpath !== '.' && nameOfSubpath(subpath) === name,
  );
  if (IN_SCENE.includes(name) && !(isNamespace && namespace)) return { kind: 'scene' };
  const order = [from, MAIN.subpath, ...exported.keys()];
  const home = order.find((subpath) => exported.get(subpath)!.has(name));
  if (home !== undefined) return { kind: 'member', subpath: home };
  return namespace && { kind: 'namespace', subpath: namespace.subpath };
};

/** An expression for a name that an example leaves free. */
const source = (name: string, from: string, isNamespace: boolean): string | undefined => {
  const home = homeOf(name, from, isNamespace);
  switch (home?.kind) {
    case undefined:
      return undefined;
    case 'scene':
      return `given.${name}`;
    case 'member':
      return `(await import(${entryOf(home.subpath)})).${name}`;
    case 'namespace':
      return `await import(${entryOf(home.subpath)})`;
    default:
      return home satisfies never;
  }
};

export type Check = (value: unknown, wanted: never) => Promise<void>;
export interface Example {
  readonly entry: Entry;
  readonly code: string;
  /** Whether it parses: what does not fails when it is run. */
  readonly isCode: boolean;
  /** How many values it states. */
  readonly checks: number;
  readonly run: (check: Check) => Promise<void>;
}

/** The source of a function that runs an example. */
const compiled = (
  entry: Entry,
  code: string,
): Pick<Example, 'isCode' | 'checks'> & { readonly run: string } => {
  const inside = withoutImports(code);
  let body: readonly Syntax[];
  try {
    ({ body } = parseText(`${entry.name}.ts`, inside));
  } catch (error) {
    const message = JSON.stringify(`no code: ${(error as Error).message}`);
    return { isCode: false, checks: 0, run: `async () => { throw new Error(${message}); }` };
  }
  const namespaces = usedAsNamespace(body);
  const free = [...freeNames(body)].flatMap((name) => {
    const value = source(name, entry.subpath, namespaces.has(name));
    return value === undefined ? [] : [`const ${name} = ${value};`];
  });
  const { code: text, checks } = checked(inside);
  const given = free.some((line) => line.includes('= given.')) ? 'const given = scene();' : '';
  return {
    isCode: true,
    checks,
    run: `async (check) => {\n${given}\n${free.join('\n')}\n{\n${text}\n}\n}`,
  };
};

/** All examples of the entries, compiled as one module. */
export const compileExamples = async (entries: readonly Entry[]): Promise<readonly Example[]> => {
  const found = entries.flatMap((entry) =>
    examplesIn(entry.doc ?? '').map((code) => ({ entry, code, ...compiled(entry, code) })),
  );
  const folder = mkdtempSync(join(tmpdir(), 'tigon-examples-'));
  try {
    const file = join(folder, 'examples.mts');
    writeFileSync(
      file,
      `import { autograd, device, HybridBlock, nd, Trainer } from ${entryOf('.')};
import * as nn from ${entryOf('./nn')};
import { SoftmaxCrossEntropyLoss } from ${entryOf('./loss')};
${SCENE}
export const runs = [${found.map(({ run }) => run).join(',\n')}];
`,
    );
    const { runs } = (await import(pathToFileURL(file).href)) as {
      readonly runs: readonly Example['run'][];
    };
    return found.map((example, i) => ({ ...example, run: runs[i]! }));
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** The names after a dot in examples: methods that they show. */
export const shownMembers = (examples: readonly Example[]): ReadonlySet<string> => {
  const names = new Set<string>();
  for (const { code, isCode } of examples)
    for (const statement of isCode ? parseText('example.ts', code).body : [])
      walk(statement, (node) => {
        if (node.type === 'MemberExpression' && node['computed'] !== true)
          names.add(nameIn(node, 'property'));
        if (node.type === 'MethodDefinition' || node.type === 'Property')
          names.add(nameIn(node, 'key'));
        if (textOf(node, 'type') === 'TSQualifiedName') names.add(nameIn(node, 'right'));
      });
  return names;
};
