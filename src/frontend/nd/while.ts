/**
 * whileLoop: steps as long as a condition holds.
 *
 * Imperatively the condition is looked at before each step; traced, all steps that there may be are computed, and those
 * after the end change nothing.
 * Invariant: both ways give the same values and the same gradients: none, not even NaN, from steps after the end.
 */
import type { Node } from '../../ir/graph/graph.ts';
import { gated } from '../body-trace.ts';
import { failure } from '../callsite.ts';
import { CachedFunction } from '../hybridize.ts';
import { mode } from '../mode.ts';
import type { NDArray } from '../ndarray.ts';
import { checkFunction, checkOptions, shown } from '../options.ts';
import { logicalAnd } from './arithmetic.ts';
import { concat } from './concat.ts';
import { asFlag, decided } from './conditions.ts';
import { full, zeros } from './creation.ts';
import { where } from './indexing.ts';
import { reshape } from './shape.ts';
import { checkStates, checkStep, type Flat, flat, type Structure, stacked } from './structures.ts';
import { tracedLoop } from './traced-loop.ts';

export interface WhileOptions {
  /** Steps after which the loop ends in any case, and the size of the outputs' first axis. */
  readonly maxIterations: number;
}

/**
 * Calls `body(variables)` as long as `condition(variables)` holds, at most `maxIterations` times. The body returns
 * `[outputs, variables]`.
 *
 * The results are the outputs, stacked [maxIterations, ...] and filled up with zeros, the variables after the last
 * step, and how many steps there were (int32, shape []). Variables and outputs are arrays of any dtype, or lists and
 * objects of arrays; variables keep their shapes and dtypes. The condition is an array of one element, or true or
 * false.
 *
 * Imperatively the condition is looked at before each step. In a hybridized function, and on devices that cannot be
 * read without waiting, all `maxIterations` steps are computed and those after the end are thrown away: choose it
 * tightly.
 *
 * @throws {OptionError} unless `maxIterations` is an integer ≥ 1
 * @throws {ShapeError} when a variable has another shape after a step
 * @throws {DTypeError} when a variable has another dtype after a step
 * @throws {ValueError} for no arrays among the variables, another structure after a step, and a condition of more than
 *   one element
 *
 * @example
 * const [, [n, sum], steps] = nd.whileLoop(
 *   ([n]) => n.lt(5),
 *   ([n, sum]) => [undefined, [n.add(1), sum.add(n)]],
 *   [nd.array(1), nd.array(0)],
 *   { maxIterations: 10 },
 * );
 * await sum.item();     // 1 + 2 + 3 + 4
 * await steps.item();   // 4
 */
export const whileLoop = <S extends Structure, O extends Structure>(
  condition: (variables: S) => NDArray | boolean,
  body: (variables: S) => readonly [outputs: O, variables: S],
  variables: S,
  options: WhileOptions,
): [outputs: O, variables: S, steps: NDArray] => {
  const write = 'write nd.whileLoop(condition, body, variables, { maxIterations })';
  checkFunction('whileLoop', condition, write);
  checkFunction('whileLoop', body, write);
  checkOptions('whileLoop', options, ['maxIterations']);
  const most = options?.maxIterations;
  if (!Number.isInteger(most) || most < 1)
    throw failure(
      'option',
      `whileLoop: maxIterations is ${shown(most)}`,
      'pass an integer ≥ 1: arrays have fixed sizes, and outputs are filled up to this one',
    );
  const initial = flat(variables);
  const first = initial.arrays[0];
  if (first === undefined)
    throw failure('value', 'whileLoop: there is no array among the variables', write);
  const test = condition as (variables: unknown) => unknown;
  const step = body as (variables: unknown) => unknown;
  if (mode.trace === undefined) {
    const verdict = decided('whileLoop', test(variables));
    const now = verdict === undefined ? undefined : whileNow(test, step, initial, most, verdict);
    if (now !== undefined) return now as [O, S, NDArray];
    const compiled = new CachedFunction(() => whileTraced(test, step, initial, most), {
      name: 'whileLoop',
    });
    return compiled.call([]) as [O, S, NDArray];
  }
  return whileTraced(test, step, initial, most) as [O, S, NDArray];
};

const whileNow = (
  test: (variables: unknown) => unknown,
  body: (variables: unknown) => unknown,
  initial: Flat,
  most: number,
  verdict: boolean,
): unknown => {
  // Without a step nobody knows what one gives: the traced loop finds out.
  if (!verdict) return undefined;
  const given: Flat[] = [];
  let now = initial;
  for (let going = true; going && given.length < most; ) {
    const [outputs, next] = checkStep('whileLoop', body(now.with(now.arrays)));
    const after = flat(next);
    checkStates('whileLoop', now, after);
    now = after;
    given.push(flat(outputs));
    going = given.length < most && decided('whileLoop', test(now.with(now.arrays))) === true;
  }
  const device = initial.arrays[0]!.device;
  const missing = most - given.length;
  const filled = flat(stacked('whileLoop', given));
  const outputs = filled.with(
    filled.arrays.map((y) => {
      if (missing === 0) return y;
      const rest = zeros([missing, ...y.shape.slice(1)], { dtype: y.dtype, device });
      return concat([y, rest], 0);
    }),
  );
  const steps = full([], given.length, { dtype: 'int32', device });
  return [outputs, now.with(now.arrays), steps];
};

const whileTraced = (
  test: (variables: unknown) => unknown,
  body: (variables: unknown) => unknown,
  initial: Flat,
  most: number,
): unknown => {
  const device = mode.trace!.device;
  const active = full([], 1, { dtype: 'bool', device });
  const count = full([], 0, { dtype: 'int32', device });
  const starts = [active, count, ...initial.arrays];
  const { outputs, states } = tracedLoop('whileLoop', [], starts, most, (_, now, trace) => {
    const [going, steps, ...variables] = now as [NDArray, NDArray, ...NDArray[]];
    const verdict = test(initial.with(variables));
    const goes = logicalAnd(going, asFlag('whileLoop', verdict, trace));
    const condition = trace.nodeOf(goes);
    const pass = (x: Node): Node => gated(trace, condition, x);
    const safe = variables.map((x) => trace.wrap(pass(trace.nodeOf(x))));
    const given = trace.through(pass, () => body(initial.with(safe)));
    trace.assignIf(condition);
    const [result, next] = checkStep('whileLoop', given);
    const after = flat(next);
    checkStates('whileLoop', initial, after);
    const out = flat(result);
    const chosen = (y: NDArray, otherwise: NDArray | 0): NDArray =>
      where(
        reshape(
          goes,
          y.shape.map(() => 1),
        ),
        y,
        otherwise,
      );
    return {
      states: [
        goes,
        where(goes, steps.add(1), steps),
        ...after.arrays.map((y, i) => chosen(y, variables[i]!)),
      ],
      outputs: out.arrays.map((y) => chosen(y, 0)),
      rebuild: out.with,
    };
  });
  const [, steps, ...last] = states as [NDArray, NDArray, ...NDArray[]];
  return [outputs, initial.with(last), steps];
};
