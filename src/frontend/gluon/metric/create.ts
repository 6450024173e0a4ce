/**
 * Metrics by name, by function, or several at once.
 *
 * Invariant: a name means one metric; own ones are added by {@link register}.
 */
import { failure } from '../../callsite.ts';
import { checkFunction, nearest, shown } from '../../options.ts';
import { Accuracy, BinaryAccuracy, TopKAccuracy } from './accuracy.ts';
import { MCC, PCC } from './agreement.ts';
import { type Measure, measure } from './base.ts';
import { CompositeEvalMetric, CustomMetric, type Evaluation } from './custom.ts';
import { F1, Fbeta } from './fscore.ts';
import { CrossEntropy, Loss, NegativeLogLikelihood, Perplexity } from './likelihood.ts';
import {
  MAE,
  MeanCosineSimilarity,
  MeanPairwiseDistance,
  MSE,
  PearsonCorrelation,
  RMSE,
} from './regression.ts';

type Make = (options?: object) => Measure;

const NAMED: ReadonlyMap<string, Make> = new Map<string, Make>([
  ['acc', (options) => new Accuracy(options)],
  ['accuracy', (options) => new Accuracy(options)],
  ['binaryAccuracy', (options) => new BinaryAccuracy(options)],
  ['ce', (options) => new CrossEntropy(options)],
  ['crossEntropy', (options) => new CrossEntropy(options)],
  ['f1', (options) => new F1(options)],
  ['fbeta', (options) => new Fbeta(options)],
  ['loss', (options) => new Loss(options)],
  ['mae', (options) => new MAE(options)],
  ['mcc', (options) => new MCC(options)],
  ['meanCosineSimilarity', (options) => new MeanCosineSimilarity(options)],
  ['meanPairwiseDistance', (options) => new MeanPairwiseDistance(options)],
  ['mse', (options) => new MSE(options)],
  ['nllLoss', (options) => new NegativeLogLikelihood(options)],
  ['pcc', (options) => new PCC(options)],
  ['pearsonr', (options) => new PearsonCorrelation(options)],
  ['perplexity', (options) => new Perplexity(options)],
  ['rmse', (options) => new RMSE(options)],
  ['topKAccuracy', (options) => new TopKAccuracy(options)],
]);
const own = new Map<string, Make>();

/**
 * Gives a metric of one's own a name for {@link create}; a name that is there already gets a new meaning.
 *
 * What it makes says which shapes and dtypes it takes.
 *
 * @throws {ValueError} unless `name` is a text and `make` a function
 *
 * @example
 * metric.register('bias', () => new CustomMetric((y, out) => y.sub(out).mean(), { name: 'bias' }));
 * const bias = metric.create('bias');
 * bias.update(nd.array([1, 3]), nd.array([0, 0]));
 * await bias.getNameValue();   // [['bias', 2]]
 */
export const register = (name: string, make: Make): void => {
  if (typeof name !== 'string' || name === '')
    throw failure('value', `metric.register: the name is ${shown(name)}`, 'pass a text');
  checkFunction('metric.register', make, 'pass what makes one: () => new metric.MAE()');
  own.set(name, make);
};

const isMeasure = (spec: object): spec is Measure => 'update' in spec && 'getNameValue' in spec;

/** A metric, the name of one, a function for {@link CustomMetric}, or a list of those. */
export type MetricLike = Measure | string | Evaluation | readonly MetricLike[];

/**
 * The metric that `spec` means; `options` are those of its class. A list gives a {@link CompositeEvalMetric}.
 *
 * Shapes and dtypes are those of the metric.
 *
 * @throws {OptionError} for a name that nobody knows, with what is close, and options that the class refuses
 * @throws {ValueError} for a registered function that gives no metric
 *
 * @example
 * const metric = create(['accuracy', 'mse']);
 * metric.update(nd.array([1, 2]), nd.array([3, 2]));
 * await metric.getNameValue();   // [['accuracy', 0.5], ['mse', 2]]
 */
export const create = (spec: MetricLike, options?: object): Measure => {
  if (Array.isArray(spec))
    return new CompositeEvalMetric(
      (spec as readonly MetricLike[]).map((each) => create(each)),
      options,
    );
  if (typeof spec === 'function') return new CustomMetric(spec, options);
  if (typeof spec === 'object' && spec !== null && isMeasure(spec)) return spec;
  const make = typeof spec === 'string' ? (own.get(spec) ?? NAMED.get(spec)) : undefined;
  if (make !== undefined) return measure(`metric.create: '${String(spec)}'`, make(options));
  const known = [...NAMED.keys(), ...own.keys()];
  const guess = typeof spec === 'string' ? nearest(spec, known) : undefined;
  throw failure(
    'option',
    `metric.create: there is no metric ${shown(spec)}`,
    `${guess === undefined ? '' : `did you mean '${guess}'? `}known: ${known.join(', ')}`,
  );
};
