/**
 * cond: what one of two functions gives, as a condition says.
 *
 * Imperatively the one that is chosen runs; traced, both are computed in one call, and the results of one are taken.
 * Invariant: both ways give the same values and the same gradients: none, not even NaN, from the branch not taken.
 */
import { GraphBuilder } from '../../ir/graph/builder.ts';
import { type Node, reachable } from '../../ir/graph/graph.ts';
import { showType } from '../../ir/type.ts';
import { copyNodes } from '../../passes/rewrite.ts';
import { gated, traceBody } from '../body-trace.ts';
import { assign, callGraph } from '../call.ts';
import { callableOf } from '../callable.ts';
import { failure } from '../callsite.ts';
import { CachedFunction } from '../hybridize.ts';
import { mode } from '../mode.ts';
import type { NDArray } from '../ndarray.ts';
import { checkFunction } from '../options.ts';
import { ne } from './arithmetic.ts';
import { decided } from './conditions.ts';
import { reshape } from './shape.ts';
import { type Flat, flat, type Structure } from './structures.ts';

/**
 * What `then()` gives if the condition holds, what `otherwise()` gives if not: arrays, or lists and objects of arrays,
 * of the same structure, shapes and dtypes.
 *
 * Imperatively only the branch that is chosen runs. In a hybridized function, and on devices that cannot be read without
 * waiting, both are computed and the results of one are taken; no gradient comes from the other, not even NaN.
 *
 * `condition`: true, false, a number, or an array of one element of any shape and dtype, which is true unless 0.
 *
 * @throws {ValueError} for another condition, and when the branches give different structures
 * @throws {ShapeError} when their arrays differ in shape (where both are computed)
 * @throws {DTypeError} when they differ in dtype (where both are computed)
 *
 * @example
 * const x = nd.array(3);
 * const y = nd.cond(x.gt(0), () => x.sqrt(), () => x.mul(0));
 * await y.item();   // 1.7320508075688772
 */
export const cond = <T extends Structure>(
  condition: NDArray | boolean | number,
  then: () => T,
  otherwise: () => T,
): T => {
  const write = 'write nd.cond(condition, () => …, () => …)';
  checkFunction('cond', then, write);
  checkFunction('cond', otherwise, write);
  const known = decided('cond', condition);
  if (known !== undefined) return known ? then() : otherwise();
  const flag = condition as NDArray;
  if (mode.trace === undefined)
    return new CachedFunction(() => choose(flag, then, otherwise), { name: 'cond' }).call([]) as T;
  return choose(flag, then, otherwise) as T;
};

/** Both branches as one call, of which one's results are taken. */
const choose = (given: NDArray, then: () => unknown, otherwise: () => unknown): unknown => {
  const shaped = reshape(given, []);
  const flag = shaped.dtype === 'bool' ? shaped : ne(shaped, 0);
  const branch = (body: () => unknown) =>
    traceBody('cond', (trace) => {
      const result = flat(body());
      return { trace, result, nodes: result.arrays.map((y) => trace.nodeOf(y)) };
    });
  const sides = [branch(then), branch(otherwise)] as const;
  const [yes, no] = sides;
  checkBranches(yes.result, no.result);
  const b = new GraphBuilder();
  const condition = b.input(flag.type, { name: 'condition' });
  const operands = [flag];
  const input = (x: NDArray): Node => {
    operands.push(x);
    return b.input(x.type, { name: `x${operands.length - 1}` });
  };
  const not = b.op('not', condition);
  const targets = [...new Set(sides.flatMap((s) => s.trace.ends().assigned.map((a) => a.target)))];
  const parts = sides.map(({ trace, nodes }, side) => {
    const { assigned, captures } = trace.ends();
    const made = new Map<Node, Node>();
    for (const { array, input: inside } of [...captures, ...assigned])
      made.set(inside, gated({ builder: b }, side === 0 ? condition : not, input(array)));
    for (const { input: inside, make } of trace.perSteps)
      made.set(inside, b.reshape(input(make(1)), inside.type.shape));
    const values = targets.map((t) => assigned.find((a) => a.target === t)?.value);
    copyNodes(reachable([...nodes, ...values.filter((v) => v !== undefined)]), b, made);
    return {
      outputs: nodes.map((node) => made.get(node)!),
      values: values.map((v) => v && made.get(v)!),
    };
  });
  const pick = (x: Node, y: Node): Node =>
    b.op('select', b.broadcast(condition, x.type.shape, []), x, y);
  const [one, other] = parts as [(typeof parts)[0], (typeof parts)[0]];
  const outputs = one.outputs.map((x, i) => pick(x, other.outputs[i]!));
  const updates = targets.map((target, i) => {
    const old = one.values[i] === undefined || other.values[i] === undefined;
    const before = old ? input(target) : undefined;
    return pick(one.values[i] ?? before!, other.values[i] ?? before!);
  });
  const graph = b.graph('cond', [...outputs, ...updates]);
  const results = callGraph(callableOf(graph), operands, flag.device);
  targets.forEach((target, i) => {
    assign(target, results[outputs.length + i]!);
  });
  return yes.result.with(results.slice(0, outputs.length));
};

const checkBranches = (yes: Flat, no: Flat): void => {
  if (yes.key !== no.key)
    throw failure(
      'value',
      `cond: one branch gives ${yes.key}, the other ${no.key}`,
      'return the same structure from both (% is an array)',
    );
  yes.arrays.forEach((x, i) => {
    const y = no.arrays[i]!;
    if (x.type !== y.type)
      throw failure(
        x.dtype === y.dtype ? 'shape' : 'dtype',
        `cond: one branch gives ${showType(x.type)}, the other ${showType(y.type)}`,
        'both must give arrays of the same shape and dtype',
      );
  });
};
