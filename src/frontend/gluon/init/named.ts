/**
 * Names of initializers, and what a parameter may be told to start as.
 *
 * Invariant: a name means one initializer with its defaults; own ones are added by {@link register}.
 */
import { failure } from '../../callsite.ts';
import { checkFunction, nearest, shown } from '../../options.ts';
import {
  Constant,
  type Initializer,
  Kaiming,
  MSRAPrelu,
  Normal,
  One,
  Uniform,
  Xavier,
  Zero,
} from './basic.ts';

/** Names that stand for initializers with their defaults. */
export type InitializerName =
  | 'zeros'
  | 'ones'
  | 'uniform'
  | 'normal'
  | 'xavier'
  | 'msraPrelu'
  | 'kaiming';

const NAMED: Readonly<Record<InitializerName, () => Initializer>> = {
  zeros: () => new Zero(),
  ones: () => new One(),
  uniform: () => new Uniform(),
  normal: () => new Normal(),
  xavier: () => new Xavier(),
  msraPrelu: () => new MSRAPrelu(),
  kaiming: () => new Kaiming(),
};
const own = new Map<string, () => Initializer>();

/** Of `tigon/init`: pages load those that they name. */
const CLASSES = ['Orthogonal', 'Bilinear', 'LSTMBias', 'TruncatedNormal'];

/** An initializer, the name of one, or a number for {@link Constant}. */
export type InitializerLike = Initializer | InitializerName | (string & {}) | number;

/**
 * Gives an initializer a name.
 *
 * What it makes draws arrays of the shape and dtype that it is asked for.
 *
 * @throws {ValueError} unless `name` is a text and `make` a function
 *
 * @example
 * register('tiny', () => new Uniform(1e-3));
 * const layer = new nn.Dense(2, { weightInit: 'tiny' });
 */
export const register = (name: string, make: () => Initializer): void => {
  if (typeof name !== 'string' || name === '')
    throw failure('value', `init.register: the name is ${shown(name)}`, 'pass a text');
  checkFunction('init.register', make, 'pass what makes one: () => new Uniform(1e-3)');
  own.set(name, make);
};

const checked = (given: Initializer, what: string): Initializer => {
  if (typeof given?.draw === 'function') return given;
  throw failure(
    'option',
    `${what} is no initializer`,
    "pass one of 'tigon/init', a name like 'xavier', or a number",
  );
};

/**
 * The initializer that `like` means.
 *
 * It draws arrays of the shape and dtype that it is asked for.
 *
 * @throws {OptionError} for a name that nobody knows, or what has no `draw`
 *
 * @example initializer('zeros') instanceof Zero;   // true
 */
export const initializer = (like: InitializerLike): Initializer => {
  if (typeof like === 'number') return new Constant(like);
  if (typeof like !== 'string') return checked(like, shown(like));
  const make =
    own.get(like) ?? (Object.hasOwn(NAMED, like) ? NAMED[like as InitializerName] : undefined);
  if (make !== undefined) return checked(make(), `what '${like}' stands for`);
  const known = [...Object.keys(NAMED), ...own.keys()];
  const folded = CLASSES.find((name) => name.toLowerCase() === like.toLowerCase());
  if (folded !== undefined)
    throw failure(
      'option',
      `'${like}' is not the name of an initializer`,
      `pass one: new init.${folded}(), from 'tigon/init'; or name it: init.register('${like}', () => new init.${folded}())`,
    );
  const guess = nearest(like, known);
  throw failure(
    'option',
    `there is no initializer '${like}'`,
    `${guess === undefined ? '' : `did you mean '${guess}'? `}known: ${known.join(', ')}`,
  );
};
