/**
 * Automatic precisions: products and convolutions in 16 bits, what needs range or many digits in float32.
 *
 * Invariant: a policy looks at what a function is made of, so that new functions are in the right list without anybody
 * writing them down; it only adds casts to the graphs of functions, so gradients and compiled programs follow by themselves.
 */
import { type DType, isFloat, isNarrowFloat } from '../ir/dtype.ts';
import { GraphBuilder } from '../ir/graph/builder.ts';
import { isBody, type Node, reachable } from '../ir/graph/graph.ts';
import { remember } from '../ir/remember.ts';
import type { Autocast, Fragment, Plan } from './call.ts';
import { failure } from './callsite.ts';
import { checkOptions, shown } from './options.ts';

/** The precision that a function computes in: 16 bits, float32, or the widest of its operands. */
export type Precision = 'target' | 'float32' | 'widest';

export type TargetDtype = 'float16' | 'bfloat16';

export interface AutocastOptions {
  /** What products compute in. Default 'float16'. */
  readonly dtype?: TargetDtype;
  /** Functions that compute in 16 bits besides products, by name: `['gelu']`. */
  readonly targetPrecisionOps?: readonly string[];
  /** Functions that compute in float32 besides those that need it. */
  readonly fp32Ops?: readonly string[];
  /** Functions whose operands stay as they are: results have the widest of their dtypes. */
  readonly widestOps?: readonly string[];
}

export const AUTOCAST: readonly string[] = ['dtype', 'targetPrecisionOps', 'fp32Ops', 'widestOps'];

/** What loses its digits or its range in 16 bits. */
const DELICATE: ReadonlySet<string> = new Set([
  ...['sum', 'prod', 'softmax', 'logSoftmax', 'layerNorm', 'running'],
  ...['exp', 'expm1', 'log', 'log1p', 'pow', 'rsqrt', 'tan'],
]);
/** Families whose products are steps of an algorithm, and need all digits. */
const EXACT = /^(linalg|fft)\./;

/** What a function made of these nodes computes in. */
const precisionOf = (roots: readonly Node[]): Precision => {
  let precision: Precision = 'widest';
  for (const { op, attrs } of reachable(roots)) {
    if (op.kind === 'contract') return 'target';
    if (DELICATE.has(op.name)) precision = 'float32';
    for (const value of Object.values(attrs)) {
      if (!isBody(value)) continue;
      const within = precisionOf(value.outputs);
      if (within === 'target') return 'target';
      if (within === 'float32') precision = 'float32';
    }
  }
  return precision;
};

const listOf = (nodes: Node | readonly Node[]): readonly Node[] =>
  'op' in nodes ? [nodes] : nodes;

/** A policy, with the programs of the functions that were called under it. */
export class Policy implements Autocast {
  readonly key: string;
  readonly dtype: TargetDtype;
  /** Functions that were called under this policy, with their precision. */
  readonly seen: Map<string, Precision> = new Map();
  readonly #given: ReadonlyMap<string, Precision>;
  readonly #plans = new WeakMap<object, Map<number | string, Plan>>();

  constructor(key: string, dtype: TargetDtype, given: ReadonlyMap<string, Precision>) {
    this.key = key;
    this.dtype = dtype;
    this.#given = given;
  }

  plansOf<A extends object>(f: Fragment<A>): Map<number | string, Plan> {
    return remember(this.#plans, f, () => new Map());
  }

  build<A extends object>(
    f: Fragment<A>,
    b: GraphBuilder,
    inputs: readonly Node[],
    attrs: A,
  ): Node | readonly Node[] {
    const precision = this.#precisionOf(f, inputs, attrs);
    this.seen.set(f.name, precision);
    const wanted = (dtype: DType): DType => {
      switch (precision) {
        case 'target':
          return dtype === 'float32' ? this.dtype : dtype;
        case 'float32':
          return isNarrowFloat(dtype) ? 'float32' : dtype;
        case 'widest':
          return dtype;
        default:
          return precision satisfies never;
      }
    };
    const cast = (x: Node): Node =>
      isFloat(x.type.dtype) && x.attrs['role'] !== 'scalar' ? b.cast(x, wanted(x.type.dtype)) : x;
    return f.build(b, inputs.map(cast), attrs);
  }

  #precisionOf<A extends object>(f: Fragment<A>, inputs: readonly Node[], attrs: A): Precision {
    const given = this.#given.get(f.name);
    if (given !== undefined) return given;
    if (EXACT.test(f.name)) return 'float32';
    const trial = new GraphBuilder();
    const same = inputs.map((x) => trial.input(x.type, x.attrs));
    return precisionOf(listOf(f.build(trial, same, attrs)));
  }
}

const policies = new Map<string, Policy>();

/** The policy of these options: the same object for the same options, so that nothing is compiled twice. */
export const policyOf = (where: string, options: AutocastOptions): Policy => {
  checkOptions(where, options, AUTOCAST);
  const { dtype = 'float16' } = options;
  if (dtype !== 'float16' && dtype !== 'bfloat16')
    throw failure(
      'option',
      `${where}: the dtype is ${shown(dtype)}`,
      "pass 'float16' or 'bfloat16'",
    );
  const given = new Map<string, Precision>();
  const lists = [
    ['targetPrecisionOps', 'target'],
    ['fp32Ops', 'float32'],
    ['widestOps', 'widest'],
  ] as const;
  for (const [option, precision] of lists)
    for (const name of options[option] ?? []) {
      if (typeof name !== 'string')
        throw failure('option', `${where}: ${shown(name)} in ${option}`, 'pass names of functions');
      const before = given.get(name);
      if (before !== undefined)
        throw failure(
          'option',
          `${where}: '${name}' is in two lists`,
          'a function has one precision: remove it from one of them',
        );
      given.set(name, precision);
    }
  const key = `${dtype}[${[...given].map(([name, p]) => `${name}=${p}`).join()}]`;
  return remember(policies, key, () => new Policy(key, dtype, given));
};
