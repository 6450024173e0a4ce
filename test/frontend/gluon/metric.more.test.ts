import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as metric from '../../../src/frontend/gluon/metric.ts';
import { device, hybridize, nd, random } from '../../../src/index.ts';
import { synchronous, testAtOnce } from '../support.ts';

type Rows = readonly (readonly number[])[];
const sum = (xs: readonly number[]): number => xs.reduce((p, q) => p + q, 0);
const mean = (xs: readonly number[]): number => sum(xs) / xs.length;
const best = (row: readonly number[]): number => row.indexOf(Math.max(...row));
const columns = (rows: Rows): number[][] => rows[0]!.map((_, i) => rows.map((row) => row[i]!));

/** The F-measure of one class from the definition: precision and recall. */
const fscore = (wanted: readonly boolean[], given: readonly boolean[], beta = 1): number => {
  const hits = wanted.filter((w, i) => w && given[i]).length;
  if (hits === 0) return 0;
  const precision = hits / given.filter(Boolean).length;
  const recall = hits / wanted.filter(Boolean).length;
  return ((1 + beta ** 2) * precision * recall) / (beta ** 2 * precision + recall);
};
const correlation = (x: readonly number[], y: readonly number[]): number => {
  const product = (p: readonly number[], q: readonly number[]): number =>
    sum(p.map((v, i) => (v - mean(p)) * (q[i]! - mean(q))));
  return product(x, y) / Math.sqrt(product(x, x) * product(y, y));
};
const yes = (xs: readonly number[], threshold = 0.5): boolean[] => xs.map((v) => v > threshold);

const N = 40;
random.seed(21);
const probabilities = nd.softmax(random.normal([N, 4], 0, 1.5));
const classes = random.randint([N], 0, 4);
const numbers = random.normal([N], 1000, 1);
const near = numbers.add(random.normal([N], 0.5, 1));
const vectors = random.normal([N, 3]);
const others = vectors.add(random.normal([N, 3]));
const answers = random.bernoulli([N], 0.4);
const scores = random.uniform([N]);
const flags = random.bernoulli([N, 4], 0.5);

/** A metric, what it is updated with, and its value from all labels and outputs at once. */
type Case = readonly [
  make: () => metric.Metric,
  label: nd.NDArray,
  output: nd.NDArray,
  wanted: (label: never, output: never) => number,
];
const over = (ys: readonly number[], rows: Rows): number =>
  mean(ys.map((y, i) => -Math.log(rows[i]![y]!)));
const CASES: Readonly<Record<string, Case>> = {
  accuracy: [
    () => new metric.Accuracy(),
    classes,
    probabilities,
    (ys: number[], rows: Rows) => mean(ys.map((y, i) => +(best(rows[i]!) === y))),
  ],
  topK: [
    () => new metric.TopKAccuracy({ topK: 2 }),
    classes,
    probabilities,
    (ys: number[], rows: Rows) =>
      mean(ys.map((y, i) => +(rows[i]!.filter((p) => p > rows[i]![y]!).length < 2))),
  ],
  binaryAccuracy: [
    () => new metric.BinaryAccuracy({ threshold: 0.3 }),
    answers,
    scores,
    (ys: number[], out: number[]) => mean(ys.map((y, i) => +(out[i]! > 0.3 === y > 0))),
  ],
  'F1 binary': [
    () => new metric.F1(),
    answers,
    scores,
    (ys: number[], out: number[]) => fscore(yes(ys), yes(out)),
  ],
  'Fbeta binary': [
    () => new metric.Fbeta({ beta: 0.5, threshold: 0.2 }),
    answers,
    scores,
    (ys: number[], out: number[]) => fscore(yes(ys), yes(out, 0.2), 0.5),
  ],
  'F1 micro': [
    () => new metric.F1({ classType: 'multiclass' }),
    classes,
    probabilities,
    (ys: number[], rows: Rows) => mean(ys.map((y, i) => +(best(rows[i]!) === y))),
  ],
  'F1 macro': [
    () => new metric.F1({ classType: 'multiclass', average: 'macro' }),
    classes,
    probabilities,
    (ys: number[], rows: Rows) =>
      mean(
        [0, 1, 2, 3].map((c) =>
          fscore(
            ys.map((y) => y === c),
            rows.map((row) => best(row) === c),
          ),
        ),
      ),
  ],
  'F1 multilabel': [
    () => new metric.F1({ classType: 'multilabel', average: 'macro', threshold: 0.25 }),
    flags,
    probabilities,
    (ys: Rows, rows: Rows) => {
      const [wanted, given] = [columns(ys), columns(rows)];
      return mean(wanted.map((w, c) => fscore(yes(w), yes(given[c]!, 0.25))));
    },
  ],
  MCC: [
    () => new metric.MCC(),
    answers,
    scores,
    (ys: number[], out: number[]) => correlation(ys, yes(out).map(Number)),
  ],
  PCC: [
    () => new metric.PCC(),
    classes,
    probabilities,
    (ys: number[], rows: Rows) => {
      // The correlation of indicators, all classes together.
      const hot = (at: readonly number[], c: number): number[] => at.map((v) => +(v === c));
      const product = (p: readonly number[], q: readonly number[]): number =>
        sum(
          [0, 1, 2, 3].map((c) =>
            sum(hot(p, c).map((v, i) => (v - mean(hot(p, c))) * hot(q, c)[i]!)),
          ),
        );
      const given = rows.map(best);
      return product(ys, given) / Math.sqrt(product(ys, ys) * product(given, given));
    },
  ],
  MAE: [
    () => new metric.MAE(),
    numbers,
    near,
    (ys: number[], out: number[]) => mean(ys.map((y, i) => Math.abs(y - out[i]!))),
  ],
  RMSE: [
    () => new metric.RMSE(),
    numbers,
    near,
    (ys: number[], out: number[]) => Math.sqrt(mean(ys.map((y, i) => (y - out[i]!) ** 2))),
  ],
  pearsonr: [
    () => new metric.PearsonCorrelation(),
    numbers,
    near,
    (ys: number[], out: number[]) => correlation(ys, out),
  ],
  distance: [
    () => new metric.MeanPairwiseDistance({ p: 3 }),
    vectors,
    others,
    (ys: Rows, rows: Rows) =>
      mean(ys.map((y, i) => sum(y.map((v, k) => Math.abs(v - rows[i]![k]!) ** 3)) ** (1 / 3))),
  ],
  cosine: [
    () => new metric.MeanCosineSimilarity(),
    vectors,
    others,
    (ys: Rows, rows: Rows) => {
      const product = (p: readonly number[], q: readonly number[]): number =>
        sum(p.map((v, k) => v * q[k]!));
      return mean(
        ys.map((y, i) => product(y, rows[i]!) / Math.hypot(...y) / Math.hypot(...rows[i]!)),
      );
    },
  ],
  crossEntropy: [() => new metric.CrossEntropy(), classes, probabilities, over],
  'crossEntropy of scores': [
    () => new metric.NegativeLogLikelihood({ fromLogits: true }),
    classes,
    probabilities.log().add(3),
    (ys: number[], rows: Rows) =>
      over(
        ys,
        rows.map((row) => row.map((v) => Math.exp(v - 3))),
      ),
  ],
  perplexity: [
    () => new metric.Perplexity({ ignoreLabel: 2 }),
    classes,
    probabilities,
    (ys: number[], rows: Rows) => {
      const counted = ys.flatMap((y, i) => (y === 2 ? [] : [i]));
      return Math.exp(
        over(
          counted.map((i) => ys[i]!),
          counted.map((i) => rows[i]!),
        ),
      );
    },
  ],
};

const close = (actual: number, wanted: number, name: string): void =>
  assert.ok(
    Math.abs(actual - wanted) <= 2e-5 * Math.max(1, Math.abs(wanted)),
    `${name}: ${actual}, expected ${wanted}`,
  );

for (const [name, [make, label, output, wanted]] of Object.entries(CASES))
  test(`${name}: the definition, over batches of any size, imperative and hybridized`, async () => {
    const f = wanted as (label: unknown, output: unknown) => number;
    const value = f(await label.array(), await output.array());
    const parts = (x: nd.NDArray): nd.NDArray[] => nd.split(x, synchronous ? [13, 14] : [20]);
    const [ys, outs] = [parts(label), parts(output)];
    const eager = make();
    ys.forEach((y, i) => {
      eager.update(y, outs[i]!);
    });
    close((await eager.get())[1], value, name);
    eager.reset();
    eager.update(ys, outs);
    close((await eager.get())[1], value, name);
    if (!synchronous) return;
    const compiled = make();
    const step = hybridize((y: nd.NDArray, out: nd.NDArray) => compiled.update(y, out));
    ys.forEach((y, i) => {
      step(y, outs[i]!);
    });
    close((await compiled.get())[1], value, name);
  });

test('two scores for each label are as good as one', async () => {
  const two = nd.stack([scores.mul(-1).add(1), scores], 1);
  for (const make of [() => new metric.F1(), () => new metric.MCC()]) {
    const [one, other] = [make(), make()];
    one.update(answers, scores);
    other.update(answers.astype('int32'), two);
    assert.is((await other.get())[1], (await one.get())[1]);
  }
});

test('classes outright; what is always the same; labels that are no classes', async () => {
  const pcc = new metric.PCC({ classes: 4 });
  pcc.update(classes, classes);
  assert.is((await pcc.get())[1], 1);
  const same = new metric.MCC();
  same.update(nd.ones([3]), nd.ones([3]));
  assert.is((await same.get())[1], 0);
  const odd = nd.array([7]);
  const top = new metric.TopKAccuracy({ topK: 4 });
  top.update(odd, nd.ones([1, 4]));
  assert.is((await top.get())[1], 0);
  const entropy = new metric.CrossEntropy();
  entropy.update(odd, nd.ones([1, 4]));
  assert.ok(Number.isNaN((await entropy.get())[1]));
});

testAtOnce('an update is one program', () => {
  for (const [make, label, output] of Object.values(CASES)) {
    const it = make();
    it.update(label, output);
    const before = device.activity().programs;
    it.update(label, output);
    assert.is(device.activity().programs - before, 1, it.name);
  }
});

testAtOnce('counts stay exact past what float32 holds', async () => {
  const it = new metric.Accuracy();
  const many = nd.zeros([2 ** 22], { dtype: 'uint8' });
  for (let i = 0; i < 5; i++) it.update(many, many);
  it.update(nd.array([0, 1, 1]), nd.array([0, 1, 0]));
  assert.is((await it.get())[1], (5 * 2 ** 22 + 2) / (5 * 2 ** 22 + 3));
});

test('correlations far from 0 do not cancel', async () => {
  const it = new metric.PearsonCorrelation();
  for (const [x, y] of [
    [1, 2],
    [2, 4],
    [3, 5],
    [4, 9],
  ] as const)
    it.update(nd.array([1e4 + x]), nd.array([1e4 + y]));
  close((await it.get())[1], correlation([1, 2, 3, 4], [2, 4, 5, 9]), 'pearsonr');
});

test('metrics of functions: on the device in one step, on the host when numbers have come', async () => {
  const mine = new metric.CustomMetric((y, out) => y.sub(out).max());
  assert.is(mine.name, 'custom');
  const step = hybridize((y: nd.NDArray, out: nd.NDArray) => mine.update(y, out));
  step(nd.array([1, 5]), nd.array([0, 1]));
  step(nd.array([3, 3]), nd.array([1, 2]));
  assert.is((await mine.get())[1], 3);
  const host = metric.np((y, out) => [(y as number[])[0]! - (out as number[])[0]!, 2], {
    name: 'first',
  });
  assert.equal(await host.get(), ['first', Number.NaN]);
  host.update(nd.array([4]), nd.array([1]));
  host.update([nd.array([2])], [nd.array([1])]);
  assert.equal(await host.get(), ['first', 1]);
  host.reset();
  assert.equal(await host.get(), ['first', Number.NaN]);
});

test('several at once, by name, with names of their own', async () => {
  const all = metric.create([
    'mae',
    new metric.MSE({ name: 'square' }),
    (y, out) => y.sub(out).sum(),
  ]);
  all.update(nd.array([1, 2]), nd.array([2, 4]));
  assert.equal(await all.getNameValue(), [
    ['mae', 1.5],
    ['square', 2.5],
    ['custom', -3],
  ]);
  const both = new metric.CompositeEvalMetric().add(new metric.MAE()).add(new metric.RMSE());
  both.update(nd.array([1]), nd.array([3]));
  assert.equal(await both.get(), [
    ['mae', 'rmse'],
    [2, 2],
  ]);
  both.reset();
  const dict = new metric.MAE();
  dict.updateDict({ a: nd.array([1]), b: nd.array([2]) }, { a: nd.array([2]), b: nd.array([5]) });
  assert.is((await dict.get())[1], 2);
  metric.register('worst', (options) => new metric.TopKAccuracy({ topK: 5, ...options }));
  assert.instance(metric.create('worst'), metric.TopKAccuracy);
});

test.run();
