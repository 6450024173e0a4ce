/**
 * How Poisson and binomial numbers are found: by their distribution function where the mean is small, by proposals from a
 * transformed ratio of uniforms (Hörmann, "The transformed rejection method for generating Poisson random variables",
 * 1993, and "The generation of binomial random variates", 1993) where it is not.
 *
 * Invariant: both are without branches. Probabilities are taken relative to the mode by Loader's deviances ("Fast and
 * accurate computation of binomial probabilities", 2000), so that no large numbers cancel.
 */
import type { Node } from '../../ir/graph/graph.ts';
import { isDouble, polynomial, type Write } from '../../ir/graph/ops/formula.ts';
import { firstAccepted, formulas, later, openUnit, perElement, type Source } from './source.ts';

/** From this mean on, proposals are made. */
export const PROPOSED_FROM = 10;
/** Counts that a distribution function is summed up to: beyond is 1e-12 of a mean of 10. */
const SUMMED = 40;

/**
 * The number of values below the uniform one in the distribution function that starts with `first` and goes on by
 * `ratio(k)`, the probability of k over that of k - 1.
 */
export const bySearch = (f: Write, u: Node, first: Node, ratio: (k: number) => Node): Node => {
  let probability = first;
  let sum = first;
  let count = f('select', f('gt', u, sum), 1, f('mul', u, 0));
  for (let k = 1; k < SUMMED; k++) {
    probability = f('mul', probability, ratio(k));
    sum = f('add', sum, probability);
    count = f('add', count, f('select', f('gt', u, sum), 1, 0));
  }
  return count;
};

/** Counts of doubles below this go by the factorial of the count this much above them. */
const RAISED = 16;
/** What `log(x!) - x log x + x` lies above that of `x + RAISED`. */
const loweredBy = (f: Write, x: Node, raised: Node): Node => {
  const product = Array.from({ length: RAISED }, (_, i) => f('add', x, i + 1)).reduce((all, n) =>
    f('mul', all, n),
  );
  const powers = f('sub', f('mul', raised, f('log', raised)), f('mul', x, f('log', x)));
  return f('sub', f('sub', powers, f('log', product)), RAISED);
};

/** `log(k!) - k log k + k`, for counts: Stirling's series as a continued fraction; 0 for 0. */
export const stirlingRest = (f: Write, k: Node): Node => {
  const count = f('max', k, 1);
  const low = isDouble(k) ? f('lt', count, RAISED) : undefined;
  const x = low === undefined ? count : f('select', low, f('add', count, RAISED), count);
  const terms = [29944523 / 19733142, 22999 / 22737, 195 / 371, 53 / 210, 1 / 30];
  const bottom = terms.reduce<Node>((below, a) => f('add', x, f('div', a, below)), x);
  const root = f('mul', f('log', f('mul', x, 2 * Math.PI)), 0.5);
  const series = f('add', root, f('div', 1 / 12, bottom));
  const rest =
    low === undefined ? series : f('add', series, f('select', low, loweredBy(f, count, x), 0));
  return f('select', f('lt', k, 0.5), 0, rest);
};

/** Coefficients of `(1 + t) log(1 + t) - t` from the 15th to the 2nd: the last five are enough for float32. */
const DEVIANCE: readonly number[] = Array.from(
  { length: 14 },
  (_, i) => (-1) ** (15 - i) / ((15 - i) * (14 - i)),
);

/** `k log(k / m) + m - k`: how unlikely k is where m is expected. */
export const deviance = (f: Write, k: Node, m: Node): Node => {
  const t = f('div', f('sub', k, m), m);
  const square = f('mul', t, t);
  const near = f('mul', square, polynomial(f, t, DEVIANCE.slice(isDouble(t) ? 0 : -5)));
  const inside = f('max', t, -1 + 2 ** (isDouble(t) ? -50 : -20));
  const far = f('sub', f('mul', f('add', inside, 1), f('log1p', inside)), inside);
  const most = f('select', f('lt', k, 0.5), 1, f('select', f('lt', f('abs', t), 0.05), near, far));
  return f('mul', m, most);
};

/** The constants of a ratio of uniforms. */
export interface Ratio {
  readonly a: Node;
  readonly b: Node;
  readonly center: Node;
  /** Accept at once below this. */
  readonly sure: Node;
  /** Scale of the coin against the probability that `log` gives. */
  readonly scale: Node;
}

/**
 * The first count of `proposals` whose coin is below its probability. `log` gives the logarithm of that; a count is
 * refused where `allowed` is not true. Words: two a proposal.
 */
export const byProposals = (
  source: Source,
  proposals: number,
  ratio: Ratio,
  parameters: readonly Node[],
  log: (f: Write, k: Node, parameters: readonly Node[]) => Node,
  allowed: (f: Write, k: Node, parameters: readonly Node[]) => Node,
): Node =>
  firstAccepted(source, proposals, 2, (inner) => {
    const f = formulas(inner);
    const at = (x: Node): Node => perElement(inner, x);
    const u = f('sub', openUnit(inner), 0.5);
    const v = openUnit(later(inner, 1));
    const edge = f('sub', 0.5, f('abs', u));
    const [a, b] = [at(ratio.a), at(ratio.b)];
    const slope = f('add', f('div', f('mul', a, 2), edge), b);
    const k = f('floor', f('add', f('mul', slope, u), at(ratio.center)));
    const sure = f('and', f('ge', edge, 0.07), f('le', v, at(ratio.sure)));
    const own = parameters.map(at);
    const shrink = f('add', f('div', a, f('mul', edge, edge)), b);
    const coin = f('log', f('div', f('mul', v, at(ratio.scale)), shrink));
    const possible = allowed(f, k, own);
    const likely = f('le', coin, log(f, f('select', possible, k, 0), own));
    return { accepted: f('or', sure, f('and', possible, likely)), value: k };
  });
