/**
 * *The Time Machine* by H. G. Wells, in tokens: what the books' recurrent nets read.
 *
 * Invariant: the words of the book in lower case, nothing but letters between single spaces; the order of the text is
 * kept.
 */
import { prng } from '../gluon/data/prng.ts';
import { checkChoice, checkCount, checkList, checkOptions, checkSwitch } from '../options.ts';
import { type Batches, seqDataIterConsecutive, seqDataIterRandom } from './sequences.ts';
import { type DataSource, PLACE, type RealOrNot, readText, type TextFile } from './text-files.ts';
import { Vocab } from './vocab.ts';

const LINES = 3000;
const WORDS =
  'the time traveller said that a machine could go through past and future as we go about in space his friends did not believe him but in the evening he came back tired and told them what he had seen'.split(
    ' ',
  );

/** Lines of the same words in any order. */
const madeText = (): string => {
  const next = prng(1895);
  return Array.from({ length: LINES }, () =>
    Array.from({ length: 10 }, () => WORDS[next() % WORDS.length]!).join(' '),
  ).join('\n');
};

const TIME_MACHINE: TextFile = {
  title: 'The Time Machine',
  publication: {
    name: 'timemachine',
    mirrors: ['https://d2l-data.s3-accelerate.amazonaws.com/'],
  },
  file: {
    name: 'timemachine.txt',
    bytes: 178979,
    sha256: '8424dbd9532ac81f7e5f0b6add90e6952baea29158309d7d1bf3884f4e12c516',
  },
  make: madeText,
};

const tidy = (line: string): string =>
  line
    .toLowerCase()
    .replace(/[^a-z]+/g, ' ')
    .trim();

/**
 * The lines of the book in lower case, letters and single spaces only: 3,221 texts, no arrays. From the folder
 * `timemachine` in `TIGON_DATA`, the cache or the network; else, with a warning, lines of some of its words.
 *
 * @throws {DataError} for damaged files, and, with `required`, when there are none (as a rejected promise)
 * @throws {OptionError} for unknown options
 *
 * @example
 * const lines = await readTimeMachine();
 * lines.length >= 3000;   // true
 */
export const readTimeMachine = async (options: RealOrNot = {}): Promise<readonly string[]> => {
  checkOptions('readTimeMachine', options, PLACE);
  const { text } = await readText(TIME_MACHINE, options);
  return linesOf(text);
};

const linesOf = (text: string): readonly string[] => text.trimEnd().split(/\r?\n/).map(tidy);

/**
 * Lines of text as words, or as characters: texts, no arrays.
 *
 * @throws {ValueError} for what is no list
 * @throws {OptionError} for other units
 *
 * @example
 * tokenize(['the time', 'machine'], 'word');   // [['the', 'time'], ['machine']]
 * tokenize(['the time'], 'char')[0]!.length;   // 8
 */
export const tokenize = (
  lines: readonly string[],
  unit: 'word' | 'char' = 'word',
): readonly (readonly string[])[] => {
  checkList('tokenize', 'the list of lines', lines, "pass lines: tokenize(['some words'])");
  checkChoice('tokenize', 'the unit', unit, ['word', 'char']);
  return lines.map((line) =>
    unit === 'char' ? [...line] : line.split(/\s+/).filter((word) => word !== ''),
  );
};

export interface CorpusOptions extends RealOrNot {
  /** Tokens from the beginning. Default: all. */
  readonly maxTokens?: number | undefined;
  /** Default 'char'. */
  readonly unit?: 'word' | 'char' | undefined;
}

/** A text as numbers of tokens. */
export interface Corpus {
  readonly corpus: Int32Array;
  readonly vocab: Vocab;
  /** Where the text came from. */
  readonly source: DataSource;
}

/**
 * The book as numbers of its tokens (int32, in the order of the text), with the vocabulary that says what they stand
 * for.
 *
 * @throws {DataError} for damaged files, and, with `required`, when there are none (as a rejected promise)
 * @throws {OptionError} for unknown options, and unless `maxTokens` is an integer ≥ 1
 *
 * @example
 * const { corpus, vocab } = await loadCorpusTimeMachine({ maxTokens: 8 });
 * vocab.decode(corpus).join('').length;   // 8
 */
export const loadCorpusTimeMachine = async (options: CorpusOptions = {}): Promise<Corpus> => {
  checkOptions('loadCorpusTimeMachine', options, [...PLACE, 'maxTokens', 'unit']);
  const { maxTokens, unit = 'char', ...place } = options;
  if (maxTokens !== undefined) checkCount('loadCorpusTimeMachine', 'maxTokens', maxTokens);
  const { text, source } = await readText(TIME_MACHINE, place);
  // a line ends where a word does
  const whole = linesOf(text)
    .filter((line) => line !== '')
    .join(' ');
  const [tokens] = tokenize([whole], unit) as [readonly string[]];
  const vocab = new Vocab(tokens);
  return { corpus: vocab.encode(tokens.slice(0, maxTokens)), vocab, source };
};

export interface TimeMachineOptions extends CorpusOptions {
  readonly batchSize: number;
  /** Tokens of a sequence. */
  readonly steps: number;
  /** True: sequences in a random order, which have nothing to do with those before. Default false. */
  readonly random?: boolean | undefined;
}

/** Batches of sequences, and what their numbers stand for. */
export interface TimeMachine extends Corpus {
  /** `[x, y]`, int32 [batch, steps] each: `y` is `x` one token later. Go through it once an epoch. */
  readonly batches: Batches;
}

/**
 * Batches of sequences of the book, for a language model: pairs `[x, y]` of int32 arrays [batch, steps] on the default
 * device, where `y` is `x` one token later. As in the books, the first 10,000 characters unless said otherwise.
 *
 * @throws {DataError} for damaged files, and, with `required`, when there are none (as a rejected promise)
 * @throws {OptionError} for unknown options, and unless counts are integers ≥ 1
 * @throws {ValueError} when the text is too short for a batch
 *
 * @example
 * const { batches, vocab } = await loadTimeMachine({ batchSize: 2, steps: 5, maxTokens: 100 });
 * for (const [x, y] of batches) console.log(x.shape, y.shape, vocab.size);
 */
export const loadTimeMachine = async (options: TimeMachineOptions): Promise<TimeMachine> => {
  checkOptions('loadTimeMachine', options, [
    ...PLACE,
    'maxTokens',
    'unit',
    'batchSize',
    'steps',
    'random',
  ]);
  const { batchSize, steps, random = false, maxTokens = 10_000, ...place } = options;
  checkSwitch('loadTimeMachine', 'random', random);
  const made = await loadCorpusTimeMachine({ maxTokens, ...place });
  const batcher = random ? seqDataIterRandom : seqDataIterConsecutive;
  return { ...made, batches: batcher(made.corpus, { batchSize, steps }) };
};
