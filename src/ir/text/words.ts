/**
 * The words of the `.tg` text: keywords, and how names and numbers are spelled. Shared by the lexer and the printers.
 *
 * Invariant: what `spellName` and `spellNumber` write, the lexer reads back as the same name and the same number.
 */
import { type DType, shortName } from '../dtype.ts';

/** Words with a meaning of their own: as a name they are written in quotes. */
export const KEYWORDS = [
  'graph',
  'param',
  'scalar',
  'strides',
  'assign',
  'return',
  'kernel',
  'nest',
  'over',
  'contract',
  'attend',
  'prefix',
  'order',
  'from',
  'batch',
  'left',
  'right',
  'result',
  'origin',
  'reduce',
  'if',
  'then',
  'else',
  'thread',
  'read',
  'write',
  'readwrite',
  'shared',
  'grid',
  'threads',
  'as',
  'cost',
  'note',
  'let',
  'var',
  'set',
  'for',
  'in',
  'step',
  'barrier',
  'exchange',
  'across',
  'mma',
  'fragments',
  'transposed',
  'copy',
  'when',
  'commit',
  'wait',
  'boxes',
  'gates',
  'roles',
  'role',
  'fewer',
  'more',
  'expect',
  'arrive',
  'await',
  'fetch',
  'signals',
  'products',
  'settle',
  'program',
  'arena',
  'input',
  'state',
  'output',
  'constant',
  'kept',
  'temp',
  'bytes',
  'offset',
  'inplace',
  'run',
  'loop',
  'div',
  'mod',
] as const;
export type Keyword = (typeof KEYWORDS)[number];

/** Spelled without quotes these are numbers, not names. */
export const NUMBER_WORDS: ReadonlyMap<string, number> = new Map([
  ['true', 1],
  ['false', 0],
  ['inf', Number.POSITIVE_INFINITY],
  ['nan', Number.NaN],
]);

const reserved = new Set<string>([...KEYWORDS, ...NUMBER_WORDS.keys()]);

const BARE = /^[A-Za-z_][\w$]*(?:\.[\w$]+)*$/;
const BARE_VALUE = /^[\w$]+(?:\.[\w$]+)*$/;

/** A name as it stands in the text of the lower levels: bare when it can be, else in quotes. */
export const spellName = (name: string): string =>
  BARE.test(name) && !reserved.has(name) ? name : JSON.stringify(name);

/** The name of a graph value: `%x`, or `%"any text"`. */
export const spellValue = (name: string): string =>
  `%${BARE_VALUE.test(name) ? name : JSON.stringify(name)}`;

/** Any double, exactly: `0.1`, `-0`, `inf`, `-inf`, `nan`. */
export const spellDouble = (value: number): string => {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Object.is(value, -0) ? '-0' : String(value);
};

/** A constant of a dtype, such that the text tells the dtype of f32, i32, u32 and bool apart. */
export const spellNumber = (value: number, dtype: DType): string => {
  switch (dtype) {
    case 'float32':
      return spellFloat(value);
    case 'float16':
    case 'bfloat16':
      return `${shortName(dtype)}(${spellFloat(value)})`;
    case 'float64':
      return `f64(${spellDouble(value)})`;
    case 'int32':
      return String(value);
    case 'uint32':
      return `${value}u`;
    case 'int8':
    case 'uint8':
    case 'int16':
    case 'uint16':
    case 'int64':
    case 'uint64':
      return `${shortName(dtype)}(${value})`;
    case 'bool':
      return value === 0 ? 'false' : 'true';
    default:
      return dtype satisfies never;
  }
};

/** The shortest decimal that rounds to the same float32, always with a point or an exponent. */
export const spellFloat = (value: number): string => {
  if (!Number.isFinite(value)) return spellDouble(value);
  let text = spellDouble(value);
  if (Math.fround(value) === value)
    for (let digits = 1; digits < 10; digits++) {
      const short = String(Number(value.toPrecision(digits)));
      if (Math.fround(Number(short)) === value && short.length < text.length) {
        text = short;
        break;
      }
    }
  return /[.e]/.test(text) ? text : `${text}.0`;
};

/** Gives each thing a name of its own: the wanted one, or the wanted one with a number. */
export class Names<T> {
  readonly #names = new Map<T, string>();
  readonly #taken = new Set<string>();

  /** The name of `thing`, chosen at the first call. */
  of(thing: T, wanted: string): string {
    const known = this.#names.get(thing);
    if (known !== undefined) return known;
    const name = this.fresh(wanted);
    this.#names.set(thing, name);
    return name;
  }

  /** A name nobody has yet. */
  fresh(wanted: string): string {
    let name = wanted;
    for (let i = 1; this.#taken.has(name); i++) name = `${wanted}.${i}`;
    this.#taken.add(name);
    return name;
  }

  get(thing: T): string | undefined {
    return this.#names.get(thing);
  }

  /** True when some thing has this name. */
  has(name: string): boolean {
    return this.#taken.has(name);
  }

  /** Forgets a name, so that it may be given again: for scopes that end. */
  release(thing: T): void {
    const name = this.#names.get(thing);
    if (name === undefined) return;
    this.#names.delete(thing);
    this.#taken.delete(name);
  }
}
