/**
 * Names of initializers, and what a parameter may be told to start as.
 *
 * Invariant: a name means one initializer with its defaults; own ones are added by {@link register}.
 */
import { failure } from '../../callsite.ts';
import { nearest } from '../../options.ts';
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
 * @example
 * register('tiny', () => new Uniform(1e-3));
 * const layer = new nn.Dense(2, { weightInit: 'tiny' });
 */
export const register = (name: string, make: () => Initializer): void => {
  own.set(name, make);
};

/**
 * The initializer that `like` means.
 *
 * @example initializer('zeros') instanceof Zero;   // true
 */
export const initializer = (like: InitializerLike): Initializer => {
  if (typeof like === 'number') return new Constant(like);
  if (typeof like !== 'string') return like;
  const make =
    own.get(like) ?? (Object.hasOwn(NAMED, like) ? NAMED[like as InitializerName] : undefined);
  if (make !== undefined) return make();
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
