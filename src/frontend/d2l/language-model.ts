/**
 * Training a recurrent net to say what comes next, and letting it speak.
 *
 * Invariant: no gradient flows from a batch into the one before; the perplexity of an epoch is read once, at its end.
 */
import { backward, record as recorded } from '../autograd.ts';
import { failure } from '../callsite.ts';
import { SoftmaxCrossEntropyLoss } from '../gluon/loss/classes.ts';
import type { Parameter } from '../gluon/parameter.ts';
import { hybridize } from '../hybridize.ts';
import { array } from '../nd/creation.ts';
import { argmax, mean } from '../nd/reduce.ts';
import { reshape, transpose } from '../nd/shape.ts';
import type { NDArray } from '../ndarray.ts';
import { checkCount, checkFunction, checkOptions, checkSwitch } from '../options.ts';
import { data } from '../reading.ts';
import { Animator } from './animator.ts';
import { Accumulator, Timer } from './meters.ts';
import { gradClipping } from './scratch.ts';
import type { Batches } from './sequences.ts';
import type { Updater } from './train.ts';
import { UNKNOWN, type Vocab } from './vocab.ts';

/** The arrays that a recurrent net hands from step to step. */
export type State = readonly NDArray[];

/** A language model, written from scratch or with blocks. */
export interface LanguageModel {
  /**
   * Token numbers, int32 [batch, steps], and a state: scores [steps · batch, vocabulary] in the order of time (all of the
   * first step, then all of the second), and the state after the last step.
   */
  readonly run: (x: NDArray, state: State) => readonly [scores: NDArray, state: State];
  /** The state before the first token. */
  readonly beginState: (batchSize: number) => State;
  /** What is trained: arrays with gradients, or `net.parameters()`. */
  readonly parameters: () => readonly (NDArray | Parameter)[];
}

export interface TrainRnnOptions {
  readonly epochs: number;
  readonly updater: Updater;
  /** Largest norm of all gradients together. Default 1. */
  readonly clip?: number | undefined;
  /** True for batches in random order: the state begins anew with each. Default false. */
  readonly random?: boolean | undefined;
  /** True: forward, backward, clipping and update are one compiled program. Default false. */
  readonly compiled?: boolean | undefined;
  /** False: no curve. Default true. */
  readonly show?: boolean | undefined;
  /** Called after each epoch. */
  readonly onProgress?: ((epoch: RnnEpoch) => void) | undefined;
}

/** One pass over the text. */
export interface RnnEpoch {
  /** From 1. */
  readonly epoch: number;
  /** The exponential of the mean loss of a token: among how many equally likely tokens the model feels to choose. */
  readonly perplexity: number;
  readonly tokens: number;
  readonly seconds: number;
}

/** What training gave. */
export interface RnnTraining {
  readonly epochs: readonly RnnEpoch[];
  /** Of the last epoch. */
  readonly perplexity: number;
  readonly tokensPerSecond: number;
}

const KNOWN = ['epochs', 'updater', 'clip', 'random', 'compiled', 'show', 'onProgress'];

const checkModel = (where: string, model: LanguageModel): void => {
  for (const part of ['run', 'beginState', 'parameters'] as const)
    checkFunction(
      `${where}: ${part} of the model`,
      model?.[part],
      'a model is { run: (x, state) => [scores, state], beginState: (batchSize) => state, parameters: () => [...] }',
    );
};

type Step = (x: NDArray, y: NDArray, state: State) => readonly [loss: NDArray, state: State];

const stepOf = (
  { run, parameters }: LanguageModel,
  { updater, clip = 1, compiled = false }: TrainRnnOptions,
): Step => {
  checkSwitch('trainRnn', 'compiled', compiled);
  const crossEntropy = new SoftmaxCrossEntropyLoss();
  const update = typeof updater === 'function' ? updater : (n: number) => void updater.step(n);
  const step: Step = (x, y, before) => {
    const labels = reshape(transpose(y), [-1]);
    const [loss, state] = recorded(() => {
      const [scores, after] = run(x, before);
      return [mean(crossEntropy(scores, labels)), after] as const;
    });
    backward(loss);
    gradClipping(parameters(), clip);
    update(1);
    return [loss.detach(), state.map((s) => s.detach())];
  };
  return compiled ? hybridize(step, { name: 'step' }) : step;
};

/**
 * Trains a language model on batches `[x, y]` of token numbers (int32 [batch, steps]) and shows the curve of its
 * perplexity. The mean loss of a batch's tokens is what is descended; gradients are clipped.
 *
 * @throws {OptionError} for unknown options, and unless `epochs` is an integer ≥ 1 (as a rejected promise)
 * @throws {ValueError} for a model that is none, and a `clip` that is not above 0
 *
 * @example
 * const vocab = new Vocab([...'abc']);
 * const corpus = vocab.encode([...'abcabcabcabcabcabcabcabc']);
 * const batches = seqDataIterConsecutive(corpus, { batchSize: 2, steps: 5 });
 * const w = random.normal([vocab.size, vocab.size], 0, 0.01).attachGrad();
 * const model = {   // what follows a letter depends on that letter alone
 *   run: (x: nd.NDArray, state: readonly nd.NDArray[]) => [w.take(x.T.reshape([-1])), state] as const,
 *   beginState: () => [],
 *   parameters: () => [w],
 * };
 * const updater = (batchSize: number) => sgd([w], 1, batchSize);
 * const { epochs } = await trainRnn(model, batches, { epochs: 2, updater, clip: 5 });
 * epochs[1]!.perplexity < epochs[0]!.perplexity;   // true
 */
export const trainRnn = async (
  model: LanguageModel,
  batches: Batches,
  options: TrainRnnOptions,
): Promise<RnnTraining> => {
  checkOptions('trainRnn', options, KNOWN);
  const { epochs, random = false, show = true, onProgress } = options;
  checkCount('trainRnn', 'epochs', epochs);
  checkModel('trainRnn', model);
  const step = stepOf(model, options);
  const animator = new Animator({
    xLabel: 'epoch',
    yLabel: 'perplexity',
    xLimits: [1, Math.max(epochs, 2)],
  });
  const reports: RnnEpoch[] = [];
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const timer = new Timer();
    const sums = new Accumulator(2);
    let tokens = 0;
    let state: State | undefined;
    for (const [x, y] of batches) {
      if (state === undefined || random) state = model.beginState(x.shape[0]!);
      const [loss, after] = step(x, y, state);
      state = after;
      sums.add(loss, 1);
      tokens += y.size;
      await x.device.relieve();
    }
    const [loss, count] = await sums.values();
    if (tokens === 0) throw failure('value', 'trainRnn: there are no batches', 'pass some');
    const perplexity = Math.exp(loss! / count!);
    const report = { epoch, perplexity, tokens, seconds: timer.stop() };
    reports.push(report);
    onProgress?.(report);
    if (show) await animator.add(epoch, perplexity);
  }
  animator.done();
  const of = (read: (report: RnnEpoch) => number): number =>
    reports.reduce((total, report) => total + read(report), 0);
  return {
    epochs: reports,
    perplexity: reports.at(-1)!.perplexity,
    tokensPerSecond: of(({ tokens }) => tokens) / of(({ seconds }) => seconds),
  };
};

/**
 * What a language model says after a text: `count` tokens more, each the one with the highest score (float scores [1,
 * vocabulary] for a batch of one). Characters where the tokens of the vocabulary are characters, else words.
 *
 * @throws {ValueError} for a model that is none, and an empty text (as a rejected promise)
 * @throws {OptionError} unless `count` is an integer ≥ 1
 *
 * @example
 * const vocab = new Vocab([...'abc']);
 * const next = nd.array([[0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0]]);   // a, b, c, a, …
 * const model = {
 *   run: (x: nd.NDArray, state: readonly nd.NDArray[]) => [next.take(x.T.reshape([-1])), state] as const,
 *   beginState: () => [],
 *   parameters: () => [],
 * };
 * await predictText('ab', 4, model, vocab);   // 'abcabc'
 */
export const predictText = async (
  text: string,
  count: number,
  model: LanguageModel,
  vocab: Vocab,
): Promise<string> => {
  checkModel('predictText', model);
  checkCount('predictText', 'count', count);
  const isOfCharacters = vocab.tokens.every((token) => token === UNKNOWN || token.length === 1);
  const given = [...vocab.encode(isOfCharacters ? [...text] : text.split(/\s+/))];
  if (given.length === 0)
    throw failure('value', 'predictText: the text is empty', "begin with some: 'the time'");
  let state = model.beginState(1);
  const read = (token: number): NDArray => {
    const [scores, after] = model.run(array([[token]], { dtype: 'int32' }), state);
    state = after;
    return scores;
  };
  let scores: NDArray | undefined;
  for (const token of given) scores = read(token);
  const said: number[] = [];
  while (said.length < count) {
    const [token] = await data(argmax(scores!, { axis: 1 }));
    said.push(token!);
    if (said.length < count) scores = read(token!);
  }
  const separator = isOfCharacters ? '' : ' ';
  return [text, ...vocab.decode(said)].join(separator);
};
