import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isNDArray } from '../../../src/frontend/ndarray.ts';
import { assertAllClose } from '../../../src/frontend/testing.ts';

/** Docstring examples of layers and losses run, and give what their comments say. */
const source = fileURLToPath(new URL('../../../src/', import.meta.url));
const files = [
  ...readdirSync(join(source, 'frontend/gluon/loss')).map((f) => `frontend/gluon/loss/${f}`),
  ...readdirSync(join(source, 'frontend/gluon/init')).map((f) => `frontend/gluon/init/${f}`),
  ...readdirSync(join(source, 'frontend/gluon/metric')).map((f) => `frontend/gluon/metric/${f}`),
  ...[
    'activation',
    'attention',
    'attention-weights',
    'control',
    'deconvolution',
    'deformable',
    'normalize',
    'pooling',
    'position',
    'resize',
  ].map((f) => `frontend/nd/${f}.ts`),
  ...readdirSync(join(source, 'frontend/gluon/nn')).map((f) => `frontend/gluon/nn/${f}`),
];

const examplesIn = (text: string): string[] =>
  [...text.matchAll(/ \* @example\n((?: \* .*\n)+?) \*\//g)].map((m) =>
    m[1]!.replace(/^ \* /gm, ''),
  );

/** `value;   // [1, 2]` becomes a check. */
const checked = (code: string): string =>
  code.replace(
    /^(?:const (\w+) = )?(.*);\s+\/\/ (\[.*\]|[\d.]+)$/gm,
    (_, name: string | undefined, value: string, wanted: string) =>
      name === undefined
        ? `await check(${value}, ${wanted});`
        : `const ${name} = ${value}; await check(${name}, ${wanted});`,
  );

let checks = 0;
const check = async (value: unknown, wanted: never): Promise<void> => {
  checks++;
  const got = await value;
  if (isNDArray(got)) await assertAllClose(got, wanted, { atol: 5e-5 });
  else if (ArrayBuffer.isView(got)) await assertAllClose(Array.from(got as Float32Array), wanted);
  else if (typeof wanted === 'number')
    assert.ok(Math.abs((got as number) - wanted) < 5e-5, `${got}, expected ${wanted}`);
  else assert.equal(got, wanted);
};

type Example = (check: (value: unknown, wanted: never) => Promise<void>) => Promise<void>;

for (const file of files) {
  const examples = examplesIn(readFileSync(join(source, file), 'utf8'));
  if (examples.length === 0) continue;
  test(`the ${examples.length} examples in ${file}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tigon-examples-'));
    try {
      const at = (path: string): string => JSON.stringify(pathToFileURL(join(source, path)).href);
      const bodies = examples.map((e) => `async (check) => {\n${checked(e)}\n}`);
      writeFileSync(
        join(folder, 'examples.mts'),
        `import { autograd, nd, Parameter } from ${at('index.ts')};
import * as nn from ${at('frontend/gluon/nn/index.ts')};
import * as loss from ${at('frontend/gluon/loss.ts')};
const {
  CosineEmbeddingLoss, CTCLoss, HingeLoss, HuberLoss, KLDivLoss, L1Loss, L2Loss, LogisticLoss, PoissonNLLLoss, SDMLLoss,
  SigmoidBinaryCrossEntropyLoss, SoftmaxCrossEntropyLoss, SquaredHingeLoss, TripletLoss,
} = loss;
import { ByName, Load, Mixed, register, Uniform } from ${at('frontend/gluon/init.ts')};
import * as metric from ${at('frontend/gluon/metric.ts')};
const {
  Accuracy, BinaryAccuracy, CompositeEvalMetric, create, CrossEntropy, CustomMetric, F1, Fbeta, Loss, MAE, MCC, MSE,
  MeanCosineSimilarity, MeanPairwiseDistance, NegativeLogLikelihood, np, PCC, PearsonCorrelation, Perplexity, RMSE,
  TopKAccuracy,
} = metric;
export const examples = [${bodies.join(',\n')}];
`,
      );
      const made = (await import(pathToFileURL(join(folder, 'examples.mts')).href)) as {
        readonly examples: readonly Example[];
      };
      for (const example of made.examples) await example(check);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

test('many of them say what they give', () => {
  assert.ok(checks > 25, `${checks} checks`);
});

test.run();
