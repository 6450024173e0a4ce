/**
 * Vocabularies: tokens as numbers and back.
 *
 * Invariant: 0 is the unknown token; the others follow from the most frequent to the rarest, equals in the order of the
 * text.
 */
import { failure } from '../callsite.ts';
import { checkList, checkOptions, shown } from '../options.ts';

export const UNKNOWN = '<unk>';

export interface VocabOptions {
  /** Tokens that occur less often are unknown. Default 0. */
  readonly minFrequency?: number | undefined;
  /** Tokens that come right after the unknown one, whether they occur or not. */
  readonly reserved?: readonly string[] | undefined;
}

/**
 * What the tokens of a text are called in numbers, int32 from 0 (the unknown token `<unk>`) to `size - 1`, the most
 * frequent first.
 *
 * @throws {ValueError} for what is no list of tokens, or of lines of tokens
 * @throws {OptionError} for unknown options
 *
 * @example
 * const vocab = new Vocab([['the', 'time', 'the'], ['machine']]);
 * vocab.size;   // 4
 * vocab.encode(['the', 'machine', 'xyz']);   // [1, 3, 0]
 * vocab.decode([1, 3, 0]);   // ['the', 'machine', '<unk>']
 * vocab.frequencies[0];   // ['the', 2]
 */
export class Vocab {
  /** The tokens by number. */
  readonly tokens: readonly string[];
  /** How often each token of the text occurs, the most frequent first. */
  readonly frequencies: readonly (readonly [token: string, count: number])[];
  readonly #numbers: ReadonlyMap<string, number>;

  constructor(text: readonly (string | readonly string[])[], options: VocabOptions = {}) {
    checkList('Vocab', 'the list of tokens', text, 'pass what tokenize(lines) gives');
    checkOptions('Vocab', options, ['minFrequency', 'reserved']);
    const { minFrequency = 0, reserved = [] } = options;
    const counts = new Map<string, number>();
    for (const token of text.flat()) {
      if (typeof token !== 'string')
        throw failure('value', `Vocab: ${shown(token)} is no token`, 'pass texts');
      counts.set(token, (counts.get(token) ?? 0) + 1);
    }
    this.frequencies = [...counts].sort((a, b) => b[1] - a[1]);
    const frequent = this.frequencies.filter(([, count]) => count >= minFrequency);
    this.tokens = [...new Set([UNKNOWN, ...reserved, ...frequent.map(([token]) => token)])];
    this.#numbers = new Map(this.tokens.map((token, i) => [token, i]));
  }

  /** How many tokens there are, the unknown one among them. */
  get size(): number {
    return this.tokens.length;
  }

  /**
   * The numbers of tokens, int32 [tokens]; 0 for those that it does not know.
   *
   * @throws {ValueError} for what is no list
   */
  encode(tokens: readonly string[]): Int32Array {
    checkList('vocab.encode', 'the list of tokens', tokens, "write vocab.encode(['the', 'time'])");
    return Int32Array.from(tokens, (token) => this.#numbers.get(token) ?? 0);
  }

  /**
   * The tokens of numbers: of a list or a typed array of integers [tokens].
   *
   * @throws {ValueError} for numbers that no token has
   */
  decode(numbers: ArrayLike<number>): string[] {
    return Array.from(numbers, (i) => {
      const token = this.tokens[i];
      if (token !== undefined) return token;
      throw failure(
        'value',
        `vocab.decode: there is no token ${shown(i)}`,
        `numbers go from 0 to ${this.size - 1}`,
      );
    });
  }
}
