/**
 * Reads graphs from `.tg` text.
 *
 * Invariant: a parsed graph is built by `GraphBuilder`, so it is typed, and equal computations are one node; result
 * types in the text are optional, and checked when they are there.
 */
import type { IToken } from 'chevrotain';
import { dtypeFromShort } from '../dtype.ts';
import { Grammar, parseWith, type Rule } from '../text/grammar.ts';
import * as T from '../text/lexer.ts';
import { readType } from '../text/read-type.ts';
import { at, didYouMean, errorAt, type Source } from '../text/source.ts';
import { type Name, nameOf, type numberOf, type TypeSyntax, unquote } from '../text/syntax.ts';
import { showType } from '../type.ts';
import { GraphBuilder } from './builder.ts';
import type { Assign, AttrKind, Attrs, AttrValue, Graph, InputRole, Node, Op } from './graph.ts';
import { graphOps } from './registry.ts';

type AttrSyntax =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'word' | 'text'; readonly value: string }
  | { readonly kind: 'list'; readonly value: readonly number[] }
  | { readonly kind: 'graph'; readonly value: GraphSyntax };

interface InputSyntax {
  readonly role: InputRole;
  readonly name: Name;
  readonly type: TypeSyntax;
}
interface AttrPair {
  readonly key: Name;
  readonly value: AttrSyntax;
}
interface ComputeSyntax {
  readonly kind: 'compute';
  readonly name: Name;
  readonly type: TypeSyntax | undefined;
  readonly op: Name;
  readonly operands: readonly Name[];
  readonly attrs: readonly AttrPair[];
}
interface AssignSyntax {
  readonly kind: 'assign';
  readonly target: Name;
  readonly value: Name;
}
interface GraphSyntax {
  readonly name: Name | undefined;
  readonly inputs: readonly InputSyntax[];
  readonly body: readonly (ComputeSyntax | AssignSyntax)[];
  readonly outputs: readonly Name[];
}

class GraphGrammar extends Grammar {
  constructor() {
    super();
    this.performSelfAnalysis();
  }

  readonly graph: Rule<GraphSyntax> = this.RULE('graph', () => {
    const inputs: InputSyntax[] = [];
    const body: (ComputeSyntax | AssignSyntax)[] = [];
    this.CONSUME(T.K.graph);
    const name = this.OPTION(() => this.SUBRULE(this.bareName));
    this.CONSUME(T.OpenParen);
    this.MANY_SEP({ SEP: T.Comma, DEF: () => inputs.push(this.SUBRULE(this.parameter)) });
    this.CONSUME(T.CloseParen);
    this.CONSUME(T.OpenBrace);
    this.MANY(() =>
      body.push(
        this.OR([
          { ALT: () => this.SUBRULE(this.assign) },
          { ALT: () => this.SUBRULE(this.compute) },
        ]),
      ),
    );
    this.CONSUME(T.K.return);
    const outputs = this.SUBRULE(this.values);
    this.CONSUME(T.CloseBrace);
    return { name, inputs, body, outputs };
  });

  private readonly value: Rule<Name> = this.RULE('value', () => nameOf(this.CONSUME(T.Value)));

  private readonly values: Rule<Name[]> = this.RULE('values', () => {
    const list: Name[] = [];
    this.MANY_SEP({ SEP: T.Comma, DEF: () => list.push(this.SUBRULE(this.value)) });
    return list;
  });

  private readonly parameter: Rule<InputSyntax> = this.RULE('parameter', () => {
    const role = this.OPTION(() =>
      this.OR([{ ALT: () => this.CONSUME(T.K.param) }, { ALT: () => this.CONSUME(T.K.scalar) }]),
    );
    const name = this.SUBRULE(this.value);
    this.CONSUME(T.Colon);
    return { role: (role?.image ?? 'input') as InputRole, name, type: this.SUBRULE(this.type) };
  });

  private readonly assign: Rule<AssignSyntax> = this.RULE('assign', (): AssignSyntax => {
    this.CONSUME(T.K.assign);
    const target = this.SUBRULE(this.value);
    this.CONSUME(T.Comma);
    return { kind: 'assign', target, value: this.SUBRULE1(this.value) };
  });

  private readonly compute: Rule<ComputeSyntax> = this.RULE('compute', (): ComputeSyntax => {
    const name = this.SUBRULE(this.value);
    const type = this.OPTION(() => {
      this.CONSUME(T.Colon);
      return this.SUBRULE(this.type);
    });
    this.CONSUME(T.Is);
    const op = nameOf(this.CONSUME(T.Word));
    const operands = this.SUBRULE(this.values);
    const attrs: AttrPair[] = [];
    this.OPTION1(() => {
      this.CONSUME(T.OpenBrace);
      this.MANY_SEP({ SEP: T.Comma, DEF: () => attrs.push(this.SUBRULE(this.attr)) });
      this.CONSUME(T.CloseBrace);
    });
    return { kind: 'compute', name, type, op, operands, attrs };
  });

  private readonly attr: Rule<AttrPair> = this.RULE('attr', () => {
    const key = nameOf(this.CONSUME(T.Word));
    this.CONSUME(T.Is);
    return { key, value: this.SUBRULE(this.attrValue) };
  });

  private readonly attrValue: Rule<AttrSyntax> = this.RULE('attrValue', () =>
    this.OR({
      DEF: [
        { ALT: (): AttrSyntax => ({ kind: 'list', value: this.SUBRULE(this.numbers) }) },
        { ALT: (): AttrSyntax => ({ kind: 'graph', value: this.SUBRULE(this.graph) }) },
        { ALT: (): AttrSyntax => ({ kind: 'word', value: this.CONSUME(T.Identifier).image }) },
        { ALT: (): AttrSyntax => ({ kind: 'text', value: unquote(this.CONSUME(T.Text).image) }) },
        { ALT: (): AttrSyntax => scalarAttr(this.SUBRULE(this.literal)) },
      ],
      ERR_MSG: 'a number, a list, a dtype, a text, true or false',
    }),
  );
}

const scalarAttr = ({ form, value }: ReturnType<typeof numberOf>): AttrSyntax =>
  form === 'bool' ? { kind: 'bool', value: value === 1 } : { kind: 'number', value };

let grammar: GraphGrammar | undefined;

/**
 * The graph that `text` describes; see docs/ir.md for the format.
 *
 * @param file what to call the text in messages
 * @throws {ParseError} with line, column and the offending line; the errors of ops (ShapeError, ...) in the same way
 *
 * @example
 * parseGraph('graph (%x: f32[4]) { %a = exp %x  return %a }')
 */
export const parseGraph = (text: string, file = 'text'): Graph => {
  grammar ??= new GraphGrammar();
  const source = { text, file };
  return resolve(
    source,
    parseWith(grammar, source, (g) => g.graph()),
  );
};

const resolve = (source: Source, syntax: GraphSyntax): Graph => {
  const builder = new GraphBuilder();
  const nodes = new Map<string, Node>();
  const define = (name: Name, node: Node): void => {
    if (nodes.has(name.text))
      throw errorAt(
        source,
        name.token,
        `%${name.text} is defined twice`,
        'values have one definition each',
      );
    nodes.set(name.text, node);
  };
  const find = (name: Name): Node => {
    const node = nodes.get(name.text);
    if (node === undefined)
      throw errorAt(
        source,
        name.token,
        `%${name.text} is not defined`,
        didYouMean(name.text, nodes.keys()) ?? 'define it above its first use',
      );
    return node;
  };
  for (const { role, name, type } of syntax.inputs) {
    const { strides } = type;
    define(
      name,
      builder.input(readType(source, type), {
        name: name.text,
        role,
        ...(strides === undefined ? {} : { strides }),
      }),
    );
  }
  const assigns: Assign[] = [];
  for (const statement of syntax.body) {
    if (statement.kind === 'assign') {
      assigns.push({ target: find(statement.target), value: find(statement.value) });
      continue;
    }
    const op = opNamed(source, statement.op);
    const operands = statement.operands.map(find);
    const attrs = readAttrs(source, op, statement);
    const node = at(source, statement.op.token, () => builder.emit(op, operands, attrs));
    if (statement.type !== undefined && readType(source, statement.type) !== node.type)
      throw errorAt(
        source,
        statement.type.dtype.token,
        `${op.name} gives ${showType(node.type)} here`,
        'correct the type, or leave it out: it is inferred',
      );
    define(statement.name, node);
  }
  return builder.graph(syntax.name?.text ?? 'main', syntax.outputs.map(find), assigns);
};

const opNamed = (source: Source, name: Name): Op => {
  const op = graphOps.get(name.text);
  if (op === undefined || op.name === 'input')
    throw errorAt(
      source,
      name.token,
      `there is no op ${name.text}`,
      didYouMean(name.text, graphOps.keys()),
    );
  return op;
};

const readAttrs = (source: Source, op: Op, { op: place, attrs }: ComputeSyntax): Attrs => {
  const given = new Map(attrs.map((a) => [a.key.text, a]));
  for (const { key } of attrs)
    if (!Object.hasOwn(op.schema, key.text))
      throw errorAt(
        source,
        key.token,
        `${op.name} has no attribute ${key.text}`,
        `it has ${Object.keys(op.schema).join(', ') || 'none'}`,
      );
  const result: Record<string, AttrValue> = {};
  for (const [key, field] of Object.entries(op.schema)) {
    const pair = given.get(key);
    if (pair !== undefined)
      result[key] = readAttr(source, pair.key.token, op, key, field.kind, pair.value);
    else if (field.default !== undefined) result[key] = field.default;
    else
      throw errorAt(
        source,
        place.token,
        `${op.name} needs the attribute ${key}`,
        `add {${key}=...}`,
      );
  }
  return result;
};

const wanted: Readonly<Record<AttrKind, string>> = {
  int: 'an integer',
  number: 'a number',
  bool: 'true or false',
  string: 'a quoted text',
  dtype: 'a dtype such as f32',
  ints: 'a list of integers',
  numbers: 'a list of numbers',
  graph: 'a graph',
};

const readAttr = (
  source: Source,
  place: IToken,
  op: Op,
  key: string,
  kind: AttrKind,
  given: AttrSyntax,
): AttrValue => {
  const value = ((): AttrValue | undefined => {
    switch (kind) {
      case 'int':
        return given.kind === 'number' && Number.isInteger(given.value) ? given.value : undefined;
      case 'number':
        return given.kind === 'number' ? given.value : undefined;
      case 'bool':
        return given.kind === 'bool' ? given.value : undefined;
      case 'string':
        return given.kind === 'text' ? given.value : undefined;
      case 'dtype':
        return given.kind === 'word' ? dtypeFromShort(given.value) : undefined;
      case 'ints':
        return given.kind === 'list' && given.value.every(Number.isInteger)
          ? given.value
          : undefined;
      case 'numbers':
        return given.kind === 'list' ? given.value : undefined;
      case 'graph':
        return given.kind === 'graph' ? resolve(source, given.value) : undefined;
      default:
        return kind satisfies never;
    }
  })();
  if (value === undefined)
    throw errorAt(
      source,
      place,
      `${op.name}: ${key} is ${wanted[kind]}, not ${given.kind === 'graph' ? 'a graph' : String(given.value)}`,
    );
  return value;
};
