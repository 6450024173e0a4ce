/**
 * What every optimizer is: a rule for one parameter, written as graph nodes, and the numbers it needs at each step.
 *
 * Invariant: hyperparameters reach the graph as scalars read at each step, so changing one never compiles anything;
 * what changes the graph itself is in `key`.
 */
import type { GraphBuilder } from '../../../ir/graph/builder.ts';
import type { Node } from '../../../ir/graph/graph.ts';
import { failure } from '../../callsite.ts';
import { checkOptions } from '../../options.ts';

/** Options that all optimizers take. */
export interface OptimizerOptions {
  /** Step size. Each optimizer has its own default. */
  readonly learningRate?: number;
  /** Weight decay: L2 penalty added to the gradient (AdamW: applied to the weight itself). */
  readonly wd?: number;
  /** Clips each element of the rescaled gradient to [-clipGradient, clipGradient]. Default: no clipping. */
  readonly clipGradient?: number | undefined;
  /** Multiplies gradients, besides the division by the batch size. Default 1. */
  readonly rescaleGrad?: number;
}

const COMMON: readonly string[] = ['learningRate', 'wd', 'clipGradient', 'rescaleGrad'];

/** Arithmetic on nodes of one shape, scalars stretched: keeps update rules readable. */
export interface Arithmetic {
  add(a: Node, b: Node): Node;
  sub(a: Node, b: Node): Node;
  mul(a: Node, b: Node): Node;
  div(a: Node, b: Node): Node;
  sqrt(a: Node): Node;
  /** Restricts `a` to [-limit, limit]. */
  clip(a: Node, limit: Node): Node;
}

export const arithmetic = (b: GraphBuilder): Arithmetic => {
  const both = (op: 'add' | 'sub' | 'mul' | 'div' | 'min' | 'max', x: Node, y: Node): Node => {
    const { shape } = x.type.shape.length >= y.type.shape.length ? x.type : y.type;
    return b.op(op, b.broadcastTo(x, shape), b.broadcastTo(y, shape));
  };
  return {
    add: (x, y) => both('add', x, y),
    sub: (x, y) => both('sub', x, y),
    mul: (x, y) => both('mul', x, y),
    div: (x, y) => both('div', x, y),
    sqrt: (x) => b.op('sqrt', x),
    clip: (x, limit) => both('max', both('min', x, limit), b.op('neg', limit)),
  };
};

/** One parameter's part of a step; all nodes are float32. */
export interface Rule {
  readonly weight: Node;
  /** Rescaled and clipped. */
  readonly gradient: Node;
  /** In the order of `Optimizer.states`. */
  readonly states: readonly Node[];
  /** Learning rate times the parameter's `lrMult`, shape []. */
  readonly rate: Node;
  /** Weight decay times the parameter's `wdMult`, shape []; undefined when there is none. */
  readonly decay: Node | undefined;
  /** The optimizer's own scalars, shape [], by name. */
  readonly scalars: Readonly<Record<string, Node>>;
}

export interface Updated {
  readonly weight: Node;
  readonly states: readonly Node[];
}

/** Throws an OptionError unless `value` is a number that `ok` accepts. */
export const checkNumber = (
  where: string,
  name: string,
  value: number,
  rule: string,
  ok: (value: number) => boolean,
): number => {
  if (typeof value === 'number' && Number.isFinite(value) && ok(value)) return value;
  throw failure('option', `${where}: ${name} is ${String(value)}`, `it must be ${rule}`);
};

/**
 * An optimizer: hyperparameters and an update rule. Hyperparameters may be changed at any time, also of compiled
 * training steps, without compiling anything anew (unless one goes from zero to non-zero).
 *
 * Subclass it for a rule of your own and hand an instance to `Trainer`.
 */
export abstract class Optimizer {
  /** As in `new Trainer(parameters, name)`. */
  abstract readonly name: string;
  /** Names of the arrays kept for each parameter; they start as zeros. */
  abstract readonly states: readonly string[];
  learningRate: number;
  wd: number;
  clipGradient: number | undefined;
  rescaleGrad: number;

  constructor(
    where: string,
    options: OptimizerOptions,
    known: readonly string[],
    defaults: { readonly learningRate: number; readonly wd: number },
  ) {
    checkOptions(where, options, [...COMMON, ...known]);
    const { learningRate = defaults.learningRate, wd = defaults.wd } = options;
    const { clipGradient, rescaleGrad = 1 } = options;
    this.learningRate = checkNumber(where, 'learningRate', learningRate, '≥ 0', (x) => x >= 0);
    this.wd = checkNumber(where, 'wd', wd, '≥ 0', (x) => x >= 0);
    if (clipGradient !== undefined)
      checkNumber(where, 'clipGradient', clipGradient, '> 0', (x) => x > 0);
    this.clipGradient = clipGradient;
    this.rescaleGrad = checkNumber(where, 'rescaleGrad', rescaleGrad, 'a number', () => true);
  }

  /** What the graph of an update depends on besides the parameter: equal keys, equal graphs. */
  key(): string {
    return `${this.name} ${this.wd !== 0} ${this.clipGradient !== undefined}`;
  }

  /** The rule's own numbers for update number `count` (from 1) of a parameter. The same names at every step. */
  abstract scalars(count: number): Readonly<Record<string, number>>;

  /** New weight and states. */
  abstract update(m: Arithmetic, rule: Rule): Updated;
}
