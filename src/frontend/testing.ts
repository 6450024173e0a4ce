/**
 * Checks for programs that use Tigon, and for Tigon itself: close values, right gradients, equal hybridized runs.
 *
 * Invariant: a failed check rejects with an Error that names the worst element, both values and the tolerance; arrays that the
 * checked function changes are put back between runs.
 */
import { isFloat, summedIn } from '../ir/dtype.ts';
import { sameShape } from '../ir/type.ts';
import * as autograd from './autograd.ts';
import { assign, checkArray } from './call.ts';
import { copyOf } from './callable.ts';
import { hybridize } from './hybridize.ts';
import type { NDArray } from './methods.ts';
import { mul } from './nd/arithmetic.ts';
import { array, type Nested } from './nd/creation.ts';
import { isNDArray } from './ndarray.ts';
import { checkFunction, checkList, checkOptions } from './options.ts';
import { getState, setState, uniform } from './random.ts';
import { data, numbers } from './reading.ts';
import { mapArrays } from './signature.ts';

export interface Tolerance {
  /** Relative. Default 1e-5. */
  readonly rtol?: number;
  /** Absolute. Default 1e-6. */
  readonly atol?: number;
  /** Put before the message. */
  readonly label?: string;
}

interface Read {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

const asArray = async (x: NDArray | Nested): Promise<Read> => {
  const a = isNDArray(x) ? x : array(x);
  return { shape: a.shape, values: numbers(await data(a), 'assertAllClose') };
};

const indexIn = (flat: number, shape: readonly number[]): string => {
  const index: number[] = [];
  for (let i = shape.length - 1, rest = flat; i >= 0; i--) {
    index.unshift(rest % shape[i]!);
    rest = Math.floor(rest / shape[i]!);
  }
  return `[${index.join(', ')}]`;
};

/**
 * Rejects unless `|actual - expected| ≤ atol + rtol · |expected|` everywhere (NaN equals NaN). Shapes must be equal;
 * dtypes, any, need not be. What is compared are the values at the time of the call.
 *
 * @throws {Error} that names the worst element, or both shapes where these differ (all as a rejected promise)
 * @throws {ValueError} for integers of 64 bits that numbers do not hold
 *
 * @example await assertAllClose(nd.array([1, 2]), [1, 2.000001]);
 */
export const assertAllClose = async (
  actual: NDArray | Nested,
  expected: NDArray | Nested,
  tolerance: Tolerance = {},
): Promise<void> => {
  checkOptions('assertAllClose', tolerance, ['rtol', 'atol', 'label']);
  const { rtol = 1e-5, atol = 1e-6, label } = tolerance;
  const [a, e] = await Promise.all([asArray(actual), asArray(expected)]);
  const prefix = label === undefined ? '' : `${label}: `;
  if (!sameShape(a.shape, e.shape))
    throw new Error(
      `${prefix}shapes differ: [${a.shape.join(', ')}], expected [${e.shape.join(', ')}]`,
    );
  let worst = -1;
  let excess = 0;
  let count = 0;
  for (let i = 0; i < a.values.length; i++) {
    const p = a.values[i]!;
    const q = e.values[i]!;
    if (Object.is(p, q) || p === q) continue;
    const over = Math.abs(p - q) - (atol + rtol * Math.abs(q));
    if (over <= 0) continue;
    count++;
    if (worst < 0 || !(over <= excess)) {
      worst = i;
      excess = over;
    }
  }
  if (worst < 0) return;
  const p = a.values[worst]!;
  const q = e.values[worst]!;
  throw new Error(
    `${prefix}${count} of ${a.values.length} elements differ; worst at ${indexIn(worst, a.shape)}: ${p}, expected ${q} ` +
      `(off by ${Math.abs(p - q)}; rtol ${rtol}, atol ${atol})`,
  );
};

export interface GradientOptions {
  /** Step of the central differences. Default 1e-2: values are float32. */
  readonly step?: number;
  /** Default 2e-2. */
  readonly rtol?: number;
  /** Default 2e-3. */
  readonly atol?: number;
}

/**
 * Compares the gradients of `f` at `inputs` (any shapes) with central differences, along random weights of the outputs.
 * `f` must be smooth around the inputs. Floats of any dtype: differences of float64 are taken in float64, where a
 * `step` of 1e-6 is good; inputs of integers and booleans are left as they are.
 *
 * @throws {Error} that names the input and its worst element (all as a rejected promise)
 * @throws {GradientError} when no output depends on an input of floats
 * @throws {ValueError} unless `f` is a function of arrays, and `inputs` a list
 *
 * @example await checkGradients((x) => x.tanh(), [nd.array([0.5, -1])]);
 */
export const checkGradients = async (
  f: (...inputs: NDArray[]) => NDArray | readonly NDArray[],
  inputs: readonly NDArray[],
  options: GradientOptions = {},
): Promise<void> => {
  checkFunction('checkGradients', f, 'write checkGradients((x) => …, [x])');
  checkList('checkGradients', 'the list of inputs', inputs, 'write checkGradients((x) => …, [x])');
  checkOptions('checkGradients', options, ['step', 'rtol', 'atol']);
  const { step = 1e-2, rtol = 2e-2, atol = 2e-3 } = options;
  const state = getState();
  const variables = inputs.map((x) => (isFloat(x.dtype) ? copyOf(x).attachGrad() : x));
  const heads = autograd
    .record(() => {
      const results = [f(...variables)].flat();
      for (const y of results) checkArray('checkGradients: what the function returns', y);
      return results;
    })
    .filter((y) => isFloat(y.dtype));
  const after = getState();
  const weights = heads.map((y) =>
    uniform(y.shape, -1, 1, { dtype: y.dtype as 'float32', device: y.device }),
  );
  setState(after);
  autograd.backward(heads, weights);
  const values = await Promise.all(variables.map(async (x) => Array.from(await data(x))));
  const loss = async (at: number, position: number, delta: number): Promise<number> => {
    const moved = variables.map((x, i) => {
      if (i !== at) return x.detach();
      const near = values[i]!.with(position, values[i]![position]! + delta);
      return array(near, { shape: x.shape, dtype: x.dtype, device: x.device });
    });
    const before = getState();
    setState(state);
    const ys = autograd.trainMode(() => [f(...moved)].flat()).filter((y) => isFloat(y.dtype));
    setState(before);
    const terms = await Promise.all(ys.map((y, i) => data(mul(y, weights[i]!))));
    return terms.reduce((total, all) => total + Array.from(all).reduce((p, q) => p + q, 0), 0);
  };
  for (const [i, x] of variables.entries()) {
    if (!isFloat(x.dtype)) continue;
    const estimate: number[] = [];
    for (let k = 0; k < x.size; k++)
      estimate.push(((await loss(i, k, step)) - (await loss(i, k, -step))) / (2 * step));
    const dtype = summedIn(x.dtype);
    const expected = array(estimate, { shape: x.shape, dtype, device: x.device });
    await assertAllClose(x.grad!, expected, { rtol, atol, label: `gradient of input ${i}` });
  }
};

export interface HybridizeCheckOptions extends Tolerance {
  /** Arrays that the function reads or changes (parameters, statistics): their values and gradients are compared too. */
  readonly state?: readonly NDArray[];
  /** Record and run backward. Default true. */
  readonly backward?: boolean;
  /** How often to call in a row: more than once shows whether state carries over. Default 2. */
  readonly calls?: number;
}

interface Outcome {
  readonly label: string;
  readonly value: NDArray;
}

/**
 * Runs `f` imperatively and hybridized from the same state and random seed, and compares outputs, gradients and state,
 * of any shapes and dtypes. `f` may be a block.
 *
 * @throws {Error} that names the call, the result and its worst element (all as a rejected promise)
 * @throws {ValueError} unless `f` is a function, and `inputs` a list
 *
 * @example await checkHybridize((x) => x.exp().sum(), [nd.array([0.5, -1])]);
 */
export const checkHybridize = async (
  f: ((...args: NDArray[]) => unknown) & {
    hybridize?: (options?: { active?: boolean }) => unknown;
  },
  inputs: readonly NDArray[],
  options: HybridizeCheckOptions = {},
): Promise<void> => {
  checkFunction('checkHybridize', f, 'write checkHybridize((x) => …, [x])');
  checkList('checkHybridize', 'the list of inputs', inputs, 'write checkHybridize((x) => …, [x])');
  checkOptions('checkHybridize', options, ['rtol', 'atol', 'label', 'state', 'backward', 'calls']);
  const { state = [], backward = true, calls = 2, label, rtol = 1e-4, atol = 1e-5 } = options;
  const seed = getState();
  const saved = state.map(copyOf);
  const once = (g: (...args: NDArray[]) => unknown, call: number): Outcome[] => {
    const args = inputs.map((x) => (backward && isFloat(x.dtype) ? copyOf(x).attachGrad() : x));
    const outputs: NDArray[] = [];
    const collect = (result: unknown): unknown =>
      mapArrays(result, (y) => {
        outputs.push(y);
        return y;
      });
    if (backward) {
      const heads = autograd.record(() => {
        collect(g(...args));
        return outputs.filter((y) => isFloat(y.dtype) && y.origin !== undefined);
      });
      if (heads.length > 0) autograd.backward(heads);
    } else collect(g(...args));
    const gradients = [...args, ...state].flatMap((x, i) =>
      x.origin?.kind === 'leaf'
        ? [
            {
              label: `call ${call}, gradient of ${i < args.length ? `argument ${i}` : `state ${i - args.length}`}`,
              value: copyOf(x.grad!),
            },
          ]
        : [],
    );
    return [
      ...outputs.map((y, i) => ({ label: `call ${call}, output ${i}`, value: copyOf(y) })),
      ...gradients,
      ...state.map((x, i) => ({ label: `call ${call}, state ${i}`, value: copyOf(x) })),
    ];
  };
  const all = (g: (...args: NDArray[]) => unknown): Outcome[] => {
    setState(seed);
    state.forEach((x, i) => {
      assign(x, copyOf(saved[i]!));
    });
    return Array.from({ length: calls }, (_, i) => once(g, i)).flat();
  };
  f.hybridize?.({ active: false });
  const expected = all(f);
  f.hybridize?.({ active: true });
  const actual = all(f.hybridize === undefined ? hybridize(f) : f);
  if (actual.length !== expected.length)
    throw new Error(
      `${label ?? 'checkHybridize'}: ${actual.length} results, expected ${expected.length}`,
    );
  for (const [i, outcome] of actual.entries()) {
    const name = label === undefined ? outcome.label : `${label}: ${outcome.label}`;
    await assertAllClose(outcome.value, expected[i]!.value, { rtol, atol, label: name });
  }
};
