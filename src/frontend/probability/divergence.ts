/**
 * Kullback–Leibler divergences: closed forms by pairs of distributions, and estimates from samples.
 *
 * Invariant: the form that is used is that of the nearest classes: of `p` first, then of `q`. Without a form there is
 * an error, not an estimate.
 */
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkFunction, shown } from '../options.ts';
import { checkDistribution, Distribution } from './distribution.ts';
import { type Class, registerForms } from './kl-forms.ts';

type Form = (p: Distribution, q: Distribution) => NDArray;

type Table = Map<unknown, Map<unknown, Form>>;
/** What users told, and what is known; the second is filled when it is first looked at. */
const told: Table = new Map();
const known: Table = new Map();

const put = (table: Table, p: unknown, q: unknown, form: Form): void => {
  const own = table.get(p) ?? new Map<unknown, Form>();
  own.set(q, form);
  table.set(p, own);
};

/**
 * Says what the divergence of two classes is. Later ones replace earlier ones.
 *
 * `form` gets two distributions and gives one float for each of the batch: their shapes broadcast. Subclasses have it
 * too.
 *
 * @throws {ValueError} for what is no class of distributions, or no function
 *
 * @example
 * probability.registerKl(probability.Poisson, probability.Poisson, (p, q) =>
 *   p.rate.mul(p.rate.log().sub(q.rate.log())).sub(p.rate.sub(q.rate)));
 */
export const registerKl = <P extends Distribution, Q extends Distribution>(
  p: Class<P>,
  q: Class<Q>,
  form: (p: P, q: Q) => NDArray,
): void => {
  for (const one of [p, q] as readonly unknown[])
    if (typeof one !== 'function' || !(one.prototype instanceof Distribution))
      throw failure(
        'value',
        `registerKl: ${shown(one)} is no class of distributions`,
        'pass classes, such as probability.Normal',
      );
  checkFunction('registerKl', form, 'write registerKl(P, Q, (p, q) => …)');
  put(told, p, q, form as unknown as Form);
};

/** A class and those that it extends, nearest first. */
const lineage = (d: Distribution): unknown[] => {
  const classes: unknown[] = [];
  for (let at: unknown = d.constructor; typeof at === 'function'; at = Object.getPrototypeOf(at))
    classes.push(at);
  return classes;
};

const formFor = (p: Distribution, q: Distribution): Form | undefined => {
  if (known.size === 0)
    registerForms((a, b, form) => put(known, a, b, form as unknown as Form), klDivergence);
  for (const a of lineage(p))
    for (const b of lineage(q)) {
      const form = told.get(a)?.get(b) ?? known.get(a)?.get(b);
      if (form !== undefined) return form;
    }
  return undefined;
};

/**
 * `E_p[log p(x) - log q(x)]`, one number for each distribution of the batch, by a closed form.
 *
 * Floats of the shape that the batches broadcast to, in the dtype that the parameters give together; with gradients.
 *
 * @throws {ValueError} without a closed form (`empiricalKl` estimates), and for what is no distribution
 * @throws {ShapeError} unless the batches broadcast
 *
 * @example
 * probability.klDivergence(new probability.Normal(0, 1), new probability.Normal(1, 1));   // 0.5
 */
export const klDivergence = (p: Distribution, q: Distribution): NDArray => {
  for (const d of [p, q]) checkDistribution('klDivergence', d);
  const form = formFor(p, q);
  if (form !== undefined) return form(p, q);
  const names = `${p.constructor.name} and ${q.constructor.name}`;
  throw failure(
    'value',
    `klDivergence: there is no closed form for ${names}`,
    'estimate it: empiricalKl(p, q, samples); or tell it: registerKl(P, Q, form)',
  );
};

/**
 * The divergence as a mean over `samples` samples of `p`; with gradients where samples of `p` have them.
 *
 * Floats of the shape that the batches broadcast to.
 *
 * @throws {ValueError} unless `samples` is an integer ≥ 1, and for what is no distribution
 * @throws {ShapeError} unless samples of `p` are values of `q`
 *
 * @example
 * const p = new probability.Normal(0, 1);
 * probability.empiricalKl(p, p, 10);   // 0
 */
export const empiricalKl = (p: Distribution, q: Distribution, samples = 1000): NDArray => {
  if (!Number.isInteger(samples) || samples < 1)
    throw failure('value', `empiricalKl: ${shown(samples)} samples`, 'pass an integer ≥ 1');
  for (const d of [p, q]) checkDistribution('empiricalKl', d);
  const x = p.sampleN(samples);
  return p.logProb(x).sub(q.logProb(x)).mean({ axis: 0 });
};
