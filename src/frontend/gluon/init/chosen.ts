/**
 * Initializers that choose by the name of a parameter: other initializers, or values that are there.
 *
 * Invariant: names are paths in the block that was initialized (`features.0.weight`); patterns match from the start, like
 * those of `collectParams`.
 */
import { onto } from '#several';
import { failure } from '../../callsite.ts';
import type { NDArray } from '../../methods.ts';
import { astype } from '../../nd/math.ts';
import { isNDArray } from '../../ndarray.ts';
import { shown } from '../../options.ts';
import type { Initializer, InitRequest } from './basic.ts';
import { type InitializerLike, initializer } from './named.ts';

const patternOf = (pattern: string | RegExp): RegExp => {
  if (pattern instanceof RegExp) return pattern;
  if (typeof pattern !== 'string')
    throw failure('value', `Mixed: ${shown(pattern)} is no pattern`, "pass a text: '.*weight'");
  try {
    return new RegExp(`^(?:${pattern})`);
  } catch (error) {
    throw failure(
      'value',
      `Mixed: "${pattern}" is not a regular expression (${(error as Error).message})`,
      "write a pattern for whole names, such as '.*weight'",
    );
  }
};

/**
 * The initializer of the first pattern that a parameter's name matches.
 *
 * Shapes and dtypes are those that the chosen one takes.
 *
 * @throws {ValueError} for rules that are no pairs, patterns that are none; when drawn for a name that matches none:
 *   end with '.*'
 * @throws {OptionError} for names that are no initializer's
 *
 * @example
 * const net = new nn.Dense(2, { inUnits: 3, biasInit: new Mixed([['.*bias', 'ones'], ['.*', 'xavier']]) });
 * net.initialize();
 * net.bias!.data();   // [1, 1]
 */
export class Mixed implements Initializer {
  readonly #rules: readonly (readonly [RegExp, Initializer])[];

  constructor(rules: readonly (readonly [pattern: string | RegExp, init: InitializerLike])[]) {
    if (!Array.isArray(rules) || !rules.every((rule) => Array.isArray(rule) && rule.length === 2))
      throw failure(
        'value',
        `Mixed: the rules are ${shown(rules)}`,
        "pass pairs: new init.Mixed([['.*bias', 'zeros'], ['.*', 'xavier']])",
      );
    this.#rules = rules.map(([pattern, init]) => [patternOf(pattern), initializer(init)]);
  }

  draw(request: InitRequest): NDArray {
    const rule = this.#rules.find(([pattern]) => request.name.search(pattern) >= 0);
    if (rule !== undefined) return rule[1].draw(request);
    throw failure(
      'value',
      `Mixed: no pattern matches the parameter ${request.name}`,
      "add ['.*', 'uniform'] (or another initializer) as the last rule",
    );
  }
}

/**
 * What the last part of a name says: zeros for `bias`, `beta` and `runningMean`, ones for `gamma` and `runningVar`,
 * else `init`. Layers know this themselves; it is for parameters of one's own.
 *
 * Shapes and dtypes are those that the chosen one takes.
 *
 * @throws {OptionError} for a name that is no initializer's
 *
 * @example
 * const shift = new Parameter({ shape: [2], init: new ByName('xavier') });
 */
export class ByName extends Mixed {
  constructor(init: InitializerLike = 'uniform') {
    super([
      [/(?:bias|beta|runningMean)$/i, 'zeros'],
      [/(?:gamma|runningVar)$/i, 'ones'],
      [/(?:)/, init],
    ]);
  }
}

/** Arrays by name, as `collectParams` and safetensors files have them. */
export type LoadedArrays = ReadonlyMap<string, NDArray> | Readonly<Record<string, NDArray>>;

/**
 * Values that are there, by the names of parameters; `defaultInit` for those that are not among them. Values of any
 * dtype are converted to that of the parameter.
 *
 * Any shape, which is that of the parameter.
 *
 * @throws {ValueError} for values that are no arrays by name; when drawn for a name without a value, where there is no
 *   `defaultInit`
 * @throws {ShapeError} when drawn for a parameter of another shape
 * @throws {OptionError} for a `defaultInit` that is none
 *
 * @example
 * const net = new nn.Dense(1, { inUnits: 2 });
 * net.initialize({ init: new Load({ weight: nd.array([[3, 4]]) }) });
 * net.weight.data();   // [[3, 4]]
 */
export class Load implements Initializer {
  readonly #values: ReadonlyMap<string, NDArray>;
  readonly #default: Initializer | undefined;

  constructor(values: LoadedArrays, defaultInit?: InitializerLike) {
    if (typeof values !== 'object' || values === null)
      throw failure('value', `Load: the values are ${shown(values)}`, 'pass arrays by name');
    const entries = values instanceof Map ? [...values] : Object.entries(values);
    const odd = entries.find(([, x]) => !isNDArray(x));
    if (odd !== undefined)
      throw failure(
        'value',
        `Load: the value for ${odd[0]} is ${shown(odd[1])}, not an NDArray`,
        'nd.array(values) makes an array',
      );
    // Files of MXNet say in front of a name whether it is an argument.
    this.#values = new Map(entries.map(([name, x]) => [name.replace(/^(?:arg|aux):/, ''), x]));
    this.#default = defaultInit === undefined ? undefined : initializer(defaultInit);
  }

  draw(request: InitRequest): NDArray {
    const { name, shape, dtype, device } = request;
    const value = this.#values.get(name);
    if (value === undefined) {
      if (this.#default !== undefined) return this.#default.draw(request);
      const names = [...this.#values.keys()].slice(0, 8).join(', ');
      throw failure(
        'value',
        `Load: there is no value for the parameter ${name}`,
        `there are: ${names}; for all others, pass a second initializer: new init.Load(values, 'xavier')`,
      );
    }
    if (value.ndim !== shape.length || !shape.every((d, i) => d === value.shape[i]))
      throw failure(
        'shape',
        `Load: the value for ${name} has shape [${value.shape.join(', ')}], the parameter [${shape.join(', ')}]`,
        'values must have the shapes of their parameters',
      );
    return onto(astype(value, dtype), device, 'Load').copy();
  }
}
