/**
 * Functions as blocks, and the block that does nothing.
 *
 * Invariant: a name stands for the method of arrays with that name.
 */
import { failure } from '../../callsite.ts';
import { NDArray } from '../../methods.ts';
import { nearest, shown } from '../../options.ts';
import { Block, HybridBlock } from '../block.ts';
import { expectArray } from './shared.ts';

type Body<A extends unknown[], R> = (...args: A) => R;

/** `body`, or the method of its first argument that it names. */
const bodyOf = <A extends unknown[], R>(where: string, body: Body<A, R> | string): Body<A, R> => {
  if (typeof body === 'function') return body;
  const known = Object.getOwnPropertyNames(NDArray.prototype).filter(
    (name) => typeof Object.getOwnPropertyDescriptor(NDArray.prototype, name)?.value === 'function',
  );
  if (typeof body === 'string' && known.includes(body))
    return (...[x, ...rest]: A) => {
      expectArray(where, x as NDArray);
      return (x as Readonly<Record<string, (...args: unknown[]) => R>>)[body]!(...rest);
    };
  const guess = typeof body === 'string' ? nearest(body, known) : undefined;
  throw failure(
    'value',
    `${where}: ${shown(body)} is not a function`,
    guess === undefined
      ? "pass a function, or the name of a method of arrays: 'tanh'"
      : `did you mean '${guess}'?`,
  );
};

/**
 * A function as a block that is never compiled, for code that looks at values; or a method of arrays by its name.
 *
 * Shapes and dtypes are those of the function.
 *
 * @throws {ValueError} for anything but a function or such a name; for a name also when called without an array
 * @throws whatever the function throws
 *
 * @example
 * const top = new nn.Lambda((x: nd.NDArray) => { console.log(x.shape); return x; });
 */
export class Lambda<A extends unknown[] = [NDArray], R = NDArray> extends Block {
  readonly #body: Body<A, R>;

  constructor(body: Body<A, R> | string) {
    super();
    this.#body = bodyOf('Lambda', body);
  }

  override forward(...args: A): R {
    return this.#body(...args);
  }
}

/**
 * A function of arrays as a block; or a method of arrays by its name.
 *
 * Shapes and dtypes are those of the function, which may use shapes but, once hybridized, no values.
 *
 * @throws {ValueError} as {@link Lambda}
 * @throws {TraceError} once hybridized, when the function reads values
 * @throws whatever the function throws
 *
 * @example
 * const net = new nn.HybridSequential(new nn.Dense(8), new nn.HybridLambda((x) => x.mul(2)));
 * new nn.HybridLambda('tanh')(nd.array([0, 1]));   // [0, 0.7616]
 */
export class HybridLambda<A extends unknown[] = [NDArray], R = NDArray> extends HybridBlock {
  readonly #body: Body<A, R>;

  constructor(body: Body<A, R> | string) {
    super();
    this.#body = bodyOf('HybridLambda', body);
  }

  override forward(...args: A): R {
    return this.#body(...args);
  }
}

/**
 * Gives what it gets: a branch that does nothing.
 *
 * Any shape and dtype.
 *
 * @throws nothing
 *
 * @example
 * new nn.Identity()(nd.array([1, 2]));   // [1, 2]
 */
export class Identity extends HybridBlock {
  override forward(x: NDArray): NDArray {
    return x;
  }
}
