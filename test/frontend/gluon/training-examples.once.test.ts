import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isNDArray } from '../../../src/frontend/ndarray.ts';
import { assertAllClose } from '../../../src/frontend/testing.ts';

/** Docstring examples of blocks, optimizers and what trains them run beside a net, and give what their comments say. */
const source = fileURLToPath(new URL('../../../src/', import.meta.url));
const files = [
  ...readdirSync(join(source, 'frontend/gluon/optim')).map((f) => `frontend/gluon/optim/${f}`),
  ...[
    ...['amp', 'amp-convert', 'clip', 'constant', 'hybrid-block', 'loss-scaler', 'optim'],
    ...['plain-block', 'symbol'],
  ].map((f) => `frontend/gluon/${f}.ts`),
  ...['checkpoint', 'history', 'lr-scheduler'].map((f) => `frontend/${f}.ts`),
];

const examplesIn = (text: string): string[] =>
  [...text.matchAll(/^( *) \* @example(?: (.+)\n|\n((?: *\* .*\n)+?) *\*\/)/gm)].map(
    ([, , line, lines]) => line ?? lines!.replace(/^ *\* /gm, ''),
  );

/** `value;   // [1, 2]` becomes a check. */
const checked = (code: string): string =>
  code.replace(
    /^(.*);\s+\/\/ (\[.*\]|[\d.]+|'.*')$/gm,
    (_, value: string, wanted: string) => `await check(${value}, ${wanted});`,
  );

let checks = 0;
const check = async (value: unknown, wanted: never): Promise<void> => {
  checks++;
  if (isNDArray(value)) await assertAllClose(value, wanted);
  else assert.equal(value, wanted);
};

type Example = (check: (value: unknown, wanted: never) => Promise<void>) => Promise<void>;
const folder = mkdtempSync(join(tmpdir(), 'tigon-examples-'));
const before = process.cwd();
process.chdir(folder);
const at = (path: string): string => JSON.stringify(pathToFileURL(join(source, path)).href);
const log = console.log;

for (const [i, file] of files.entries()) {
  const examples = examplesIn(readFileSync(join(source, file), 'utf8'));
  if (examples.length === 0) continue;
  test(`the ${examples.length} examples in ${file}`, async () => {
    const bodies = examples.map((e) => `async (check) => {\nsetUp();\n${checked(e)}\n}`);
    const path = join(folder, `examples${i}.mts`);
    writeFileSync(
      path,
      `import {
  autograd, Block, checkpoint, Constant, device, HybridBlock, hybridize, nd, Parameter, random, SymbolBlock, Trainer, utils,
} from ${at('index.ts')};
import * as amp from ${at('frontend/gluon/amp.ts')};
import * as nn from ${at('frontend/gluon/nn/index.ts')};
import * as optim from ${at('frontend/gluon/optim.ts')};
import { SoftmaxCrossEntropyLoss } from ${at('frontend/gluon/loss.ts')};
import { historyOf } from ${at('frontend/viz.ts')};
import {
  CosineScheduler, FactorScheduler, MultiFactorScheduler, OneCycleScheduler, PolyScheduler,
} from ${at('frontend/lr-scheduler.ts')};
class Net extends HybridBlock {
  features = new nn.HybridSequential(new nn.Dense(8, { activation: 'relu' }));
  output = new nn.Dense(3);
  forward(x) { return this.output(this.features(x)); }
}
let net, x, y, loss, trainer, l;
const setUp = () => {
  net = new Net();
  net.initialize();
  x = nd.ones([2, 784]);
  y = nd.array([0, 1], { dtype: 'int32' });
  x.attachGrad();
  loss = new SoftmaxCrossEntropyLoss();
  trainer = new Trainer(net.parameters(), 'sgd');
  l = autograd.record(() => loss(net(x), y));
};
export const examples = [${bodies.join(',\n')}];
`,
    );
    const made = (await import(pathToFileURL(path).href)) as { readonly examples: Example[] };
    console.log = (): void => undefined;
    try {
      for (const [k, example] of made.examples.entries())
        await example(check).catch((error: Error) => {
          error.message = `${examples[k]}\n${error.message}`;
          throw error;
        });
    } finally {
      console.log = log;
    }
  });
}

test('some of them say what they give', () => {
  assert.ok(checks > 8, `${checks} checks`);
});
test.after(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});
test.run();
