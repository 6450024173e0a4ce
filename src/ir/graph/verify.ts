/**
 * The rules of L1, checked: what every pass may rely on and must keep.
 *
 * Invariant: a graph that passes can be printed, interpreted and compiled; a message names the node and the rule.
 */

import { DTYPES, type DType } from '../dtype.ts';
import { TigonError } from '../errors.ts';
import { showType } from '../type.ts';
import {
  type AttrKind,
  type AttrValue,
  type Graph,
  isBody,
  type Node,
  topological,
} from './graph.ts';
import { input } from './ops/leaf.ts';
import { graphOps } from './registry.ts';

/**
 * Checks that `graph` keeps the rules of L1.
 *
 * @throws {VerifyError} that names the first node that breaks one
 *
 * @example ir.verifyGraph(ir.parseGraph('graph (%x: f32[2]) { %a = exp %x  return %a }'));
 */
export const verifyGraph = (graph: Graph): void => {
  const fail = (what: string, rule: string): never => {
    throw new TigonError('verify', `graph ${graph.name}: ${what}: ${rule}`, HELP);
  };
  const inputs = new Set(graph.inputs);
  if (inputs.size !== graph.inputs.length) fail('inputs', 'one input is listed twice');
  for (const node of graph.inputs)
    if (node.op !== input) fail(showNode(node), 'is listed as an input but is none');
  for (const node of topological(graph)) {
    const problem = node.op === input ? checkInput(node, inputs) : checkNode(node);
    if (problem !== undefined) fail(showNode(node), problem);
  }
  const targets = new Set<Node>();
  for (const { target, value } of graph.assigns) {
    if (!inputs.has(target)) fail(showNode(target), 'is assigned to but is no input of the graph');
    if (targets.has(target)) fail(showNode(target), 'is assigned to twice');
    targets.add(target);
    if (value.type !== target.type)
      fail(showNode(value), `is assigned to an input of type ${showType(target.type)}`);
  }
};

const HELP = 'a pass or builder made this graph: run verifyGraph after each to find which';

/** `%12 = add f32[2, 3]`, for messages. */
const showNode = (node: Node): string =>
  `%${node.id} = ${node.op.name} ${showType(node.type)}${node.origin === undefined ? '' : ` (${node.origin})`}`;

const checkInput = (node: Node, inputs: ReadonlySet<Node>): string | undefined => {
  if (!inputs.has(node)) return 'is used but is no input of the graph';
  if (node.inputs.length > 0) return 'an input has no operands';
  const { strides } = node.attrs;
  const fitting =
    strides === undefined ||
    (isInts(strides) && (strides as readonly number[]).length === node.type.shape.length);
  return fitting ? undefined : 'strides must be one integer per axis';
};

const checkNode = (node: Node): string | undefined => {
  const { op, attrs } = node;
  if (graphOps.get(op.name) !== op) return 'is of an op that is not registered';
  const way = op.lower ?? op.contract ?? op.scatter ?? op.running ?? op.attend ?? op.decompose;
  if (op.kind !== 'loop' && way === undefined) return 'its op says no way to compute it';
  if (node.inputs.some((x) => x.id >= node.id)) return 'comes before one of its operands';
  for (const name of Object.keys(attrs))
    if (!Object.hasOwn(op.schema, name)) return `has no attribute ${name}`;
  for (const [name, { kind }] of Object.entries(op.schema)) {
    const value = attrs[name];
    if (value === undefined) return `attribute ${name} is missing`;
    if (!fits(kind, value)) return `attribute ${name} must be of kind ${kind}`;
    if (isBody(value)) verifyGraph(value);
  }
  return checkType(node);
};

/** Types are complete and right: the type rule gives them again. */
const checkType = ({ op, inputs, attrs, type }: Node): string | undefined => {
  try {
    const again = op.type(
      inputs.map((x) => x.type),
      attrs,
    );
    return again === type ? undefined : `its rule gives type ${showType(again)}`;
  } catch (error) {
    if (error instanceof TigonError) return error.brief;
    throw error;
  }
};

const isInts = (value: AttrValue): boolean =>
  Array.isArray(value) && value.every((v) => Number.isInteger(v));

const fits = (kind: AttrKind, value: AttrValue): boolean => {
  switch (kind) {
    case 'int':
      return Number.isInteger(value);
    case 'number':
      return typeof value === 'number';
    case 'bool':
      return typeof value === 'boolean';
    case 'string':
      return typeof value === 'string';
    case 'dtype':
      return DTYPES.includes(value as DType);
    case 'ints':
      return isInts(value);
    case 'graph':
      return isBody(value);
    case 'numbers':
      return Array.isArray(value) && value.every((v) => typeof v === 'number');
    default:
      return kind satisfies never;
  }
};
