/**
 * Runs what an op lowers to, element by element, with nothing but the meaning of loop expressions.
 *
 * Invariant: every load is checked against its buffer, so a lowering that reads out of bounds fails here.
 */
import {
  type Axis,
  type Bound,
  type Idx,
  idxAxis,
  idxEvaluate,
  type Opaque,
} from '../../../src/ir/dim.ts';
import type { LowerContext, Node, Values } from '../../../src/ir/graph/graph.ts';
import { load } from '../../../src/ir/loop/expr.ts';
import type { Expr, LoopBuffer, ReduceExpr } from '../../../src/ir/loop/loop.ts';
import { prefixOf, sortRuns } from '../../../src/ir/loop/running.ts';
import { castTo, roundTo } from '../../../src/ir/rounding.ts';
import { scalarOps, valueIn } from '../../../src/ir/scalar.ts';
import { stridesOf } from '../../../src/ir/type.ts';

let nextAxis = 1_000_000;
const axisOf = (kind: Axis['kind'], name: string, extent: number): Axis => ({
  id: nextAxis++,
  name,
  extent,
  kind,
});

/** The values that `node` lowers to, from those of its operands. */
export const runLowered = (node: Node, operands: readonly Values[]): Values => {
  const buffers = new Map<Node, LoopBuffer>();
  const contents = new Map<LoopBuffer, Values>();
  node.inputs.forEach((x, i) => {
    const { dtype, shape } = x.type;
    const strides = stridesOf(shape);
    const buffer = { id: nextAxis++, name: `x${i}`, dtype, shape, strides };
    buffers.set(x, buffer);
    contents.set(buffer, operands[i]!);
  });
  const context: LowerContext = {
    at: (x, index) => load(buffers.get(x)!, index),
    axis: (name, extent) => axisOf('red', name, extent),
    parallel: (name, extent) => axisOf('par', name, extent),
  };
  const machine = new Machine(contents);
  const out = new Float64Array(node.type.size);
  const strides = stridesOf(node.type.shape);
  const round = (v: number): number => roundTo(node.type.dtype, v);
  const { op } = node;
  if (op.lower !== undefined) {
    const axes = node.type.shape.map((d) => axisOf('par', 'i', d));
    const expr = op.lower(node, axes.map(idxAxis), context);
    machine.loop(axes, () => {
      out[machine.offset(axes.map(idxAxis), node.type.shape, strides)] = round(machine.value(expr));
    });
  } else if (op.contract !== undefined) {
    const c = op.contract(node, context);
    const written = new Uint8Array(node.type.size);
    const total = {
      left: only(c.a, [...c.batch, ...c.m, ...c.k]),
      right: only(c.b, [...c.batch, ...c.n, ...c.k]),
    };
    machine.loop([...c.batch, ...c.m, ...c.n], () => {
      let sum = 0;
      machine.loop(c.k, () => {
        sum += machine.value(total.left) * machine.value(total.right);
      });
      const at = machine.offset(c.index, node.type.shape, strides);
      if (written[at] !== 0) throw new Error(`element ${at} is written twice`);
      written[at] = 1;
      out[at] = round(sum);
    });
    if (written.includes(0)) throw new Error('not every element is written');
  } else if (op.scatter !== undefined) {
    const s = op.scatter(node, context);
    machine.loop([...s.axes, ...s.over], () => {
      const at = machine.offset(s.index, node.type.shape, strides);
      const value = machine.value(s.value);
      out[at] = s.mode === 'max' ? Math.max(out[at]!, value) : out[at]! + value;
    });
  } else if (op.running !== undefined) {
    const { axes, running } = op.running(node, context);
    const { axis } = running;
    machine.loop(
      axes.map((a) => (a === axis ? { ...a, extent: 1 } : a)),
      () => {
        const line = <T>(visit: () => T): T[] => {
          const list: T[] = [];
          machine.loop([axis], () => list.push(visit()));
          return list;
        };
        const along = (e: Expr): number[] => line(() => machine.value(e));
        const results =
          running.kind === 'prefix'
            ? prefixOf(running, running.values.map(along))
            : sortRuns(along(running.key), running);
        const places = line(() => machine.offset(axes.map(idxAxis), node.type.shape, strides));
        places.forEach((at, k) => {
          out[at] = round(results[k]!);
        });
      },
    );
  } else throw new Error(`${op.name} lowers to nothing`);
  return out;
};

/** Fails when `expr` depends on an axis other than its own reductions and `allowed`. */
const only = (expr: Expr, allowed: readonly Axis[]): Expr => {
  const text = (e: Expr): string =>
    JSON.stringify(e, (key, value) => (key === 'buffer' ? undefined : value));
  const names = new Set(allowed.map((a) => a.id));
  for (const match of text(expr).matchAll(/"axis":\{"id":(\d+)/g))
    if (!names.has(Number(match[1]))) throw new Error(`depends on axis ${match[1]}`);
  return expr;
};

class Machine {
  readonly #axes = new Map<number, number>();
  readonly #contents: ReadonlyMap<LoopBuffer, Values>;
  constructor(contents: ReadonlyMap<LoopBuffer, Values>) {
    this.#contents = contents;
  }

  loop(axes: readonly Axis[], body: () => void): void {
    const [first, ...rest] = axes;
    if (first === undefined) {
      body();
      return;
    }
    for (let i = 0; i < first.extent; i++) {
      this.#axes.set(first.id, i);
      this.loop(rest, body);
    }
  }

  index(idx: Idx): number {
    const value = idxEvaluate(
      idx,
      (a) => this.#axes.get(a.id)!,
      (ref: Opaque) => this.value(ref as Expr),
    );
    if (value < idx.lo || value > idx.hi)
      throw new Error(`index ${idx.key} is ${value}, outside [${idx.lo}, ${idx.hi}]`);
    return value;
  }

  offset(index: readonly Idx[], shape: readonly number[], strides: readonly number[]): number {
    return index.reduce((sum, idx, i) => {
      const at = this.index(idx);
      if (at < 0 || at >= shape[i]!)
        throw new Error(`${idx.key} is ${at} on an axis of size ${shape[i]}`);
      return sum + at * strides[i]!;
    }, 0);
  }

  holds({ idx, lo, hi }: Bound): boolean {
    const at = this.index(idx);
    return lo <= at && at < hi;
  }

  value(expr: Expr): number {
    switch (expr.kind) {
      case 'const':
        return expr.value;
      case 'index':
        return this.index(expr.idx);
      case 'load': {
        const { shape, strides } = expr.buffer;
        return this.#contents.get(expr.buffer)![this.offset(expr.index, shape, strides)]!;
      }
      case 'cast':
        return castTo(expr.dtype, this.value(expr.arg));
      case 'guard':
        return this.value(expr.bounds.every((b) => this.holds(b)) ? expr.then : expr.otherwise);
      case 'op': {
        const args = expr.args.map((a) => this.value(a));
        return roundTo(expr.dtype, valueIn(expr.op, expr.args[0]!.dtype)(...args));
      }
      case 'reduce':
        return this.fold(expr);
      case 'acc':
        throw new Error('no contraction to take the result of');
      default:
        return expr satisfies never;
    }
  }

  fold({ op, axes, body }: ReduceExpr): number {
    const elements: number[] = [];
    this.loop(axes, () => elements.push(this.value(body)));
    switch (op) {
      case 'add':
        return elements.reduce((a, b) => a + b, 0);
      case 'mul':
        return elements.reduce((a, b) => valueIn('mul', body.dtype)(a, b), 1);
      case 'max':
      case 'min':
        return elements.reduce((a, b) => scalarOps[op].value(a, b));
      case 'argmax':
      case 'argmin': {
        const nan = elements.findIndex(Number.isNaN);
        if (nan >= 0) return nan;
        return elements.indexOf(op === 'argmax' ? Math.max(...elements) : Math.min(...elements));
      }
      default:
        return op satisfies never;
    }
  }
}
