import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  AdaBelief,
  AdaGrad,
  Adam,
  AdamW,
  DCASGD,
  FTML,
  Ftrl,
  GroupAdaGrad,
  LAMB,
  LANS,
  LARS,
  Lion,
  Muon,
  Nadam,
  type Optimizer,
  RMSProp,
  SGD,
  SGLD,
  SignSGD,
  Signum,
} from '../../../src/frontend/gluon/optim.ts';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import { autograd, device, hybridize, nd, Parameter, random, Trainer } from '../../../src/index.ts';

/**
 * Each optimizer against its formulas in doubles: a matrix and a vector, four steps with changing gradients. Hybridized,
 * parameters of float64 are beside those of float32, where the device has them (and one optimizer's imperatively).
 */
type Row = readonly number[];
interface Memory {
  [name: string]: number[];
}
/** New weights of one array (`columns` wide, 0 for vectors) from gradient `g` at update `t`; keeps what it needs. */
type Formula = (w: Row, g: Row, t: number, memory: Memory, columns: number) => number[];

const zip = (...rows: readonly Row[]): number[][] => rows[0]!.map((_, i) => rows.map((r) => r[i]!));
const norm = (x: Row): number => Math.hypot(...x);
const kept = (memory: Memory, name: string, like: Row, value = 0): number[] => {
  memory[name] ??= like.map(() => value);
  return memory[name];
};
const ema = (memory: Memory, name: string, by: number, x: Row): number[] => {
  memory[name] = zip(kept(memory, name, x), x).map(([a, b]) => by * a! + (1 - by) * b!);
  return memory[name];
};
const l2 = (w: Row, g: Row, wd: number): number[] => zip(w, g).map(([a, b]) => b! + wd * a!);
const minus = (w: Row, step: Row): number[] => zip(w, step).map(([a, b]) => a! - b!);
const times = (x: Row, by: number): number[] => x.map((v) => v * by);

const matrix = (x: Row, columns: number): number[][] =>
  Array.from({ length: x.length / columns }, (_, i) => [
    ...x.slice(i * columns, (i + 1) * columns),
  ]);
const product = (a: number[][], b: number[][]): number[][] =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((s, v, k) => s + v * b[k]![j]!, 0)));
const turned = (a: number[][]): number[][] => a[0]!.map((_, j) => a.map((row) => row[j]!));

const newtonSchulz = (x: Row, columns: number): number[] => {
  let m = matrix(times(x, 1 / (norm(x) + 1e-7)), columns);
  const tall = m.length > columns;
  if (tall) m = turned(m);
  for (let i = 0; i < 5; i++) {
    const gram = product(m, turned(m));
    const square = product(gram, gram);
    const terms = gram.map((row, r) => row.map((v, c) => -4.775 * v + 2.0315 * square[r]![c]!));
    const moved = product(terms, m);
    m = m.map((row, r) => row.map((v, c) => 3.4445 * v + moved[r]![c]!));
  }
  return (tall ? turned(m) : m).flat();
};

const adamStep = (g: Row, t: number, memory: Memory, eps: number, [b1, b2]: Row): number[] => {
  const mean = ema(memory, 'mean', b1!, g);
  const spread = ema(
    memory,
    'variance',
    b2!,
    g.map((v) => v * v),
  );
  return zip(mean, spread).map(
    ([a, v]) => a! / (1 - b1! ** t) / (Math.sqrt(v! / (1 - b2! ** t)) + eps),
  );
};
const trust = (w: Row, step: Row): number[] => {
  const [a, b] = [norm(w), norm(step)];
  return times(step, a > 0 && b > 0 ? a / b : 1);
};

interface Case {
  readonly optimizer: () => Optimizer;
  readonly formula: Formula;
}
const CASES: readonly Case[] = [
  {
    optimizer: () => new SGD({ learningRate: 0.1, momentum: 0.7, wd: 0.3, nesterov: true }),
    formula: (w, g, _t, memory) => {
      const step = times(l2(w, g, 0.3), 0.1);
      memory['m'] = zip(kept(memory, 'm', w), step).map(([m, s]) => 0.7 * m! - s!);
      return zip(w, memory['m'], step).map(([a, m, s]) => a! + 0.7 * m! - s!);
    },
  },
  {
    optimizer: () => new Adam({ learningRate: 0.1, wd: 0.1, clipGradient: 0.3 }),
    formula: (w, g, t, memory) => {
      const clipped = g.map((v) => Math.max(-0.3, Math.min(0.3, v)));
      return minus(w, times(adamStep(l2(w, clipped, 0.1), t, memory, 1e-8, [0.9, 0.999]), 0.1));
    },
  },
  {
    optimizer: () => new AdamW({ learningRate: 0.1, wd: 0.3, epsilon: 1e-3, beta1: 0.8 }),
    formula: (w, g, t, memory) =>
      minus(times(w, 1 - 0.1 * 0.3), times(adamStep(g, t, memory, 1e-3, [0.8, 0.999]), 0.1)),
  },
  {
    optimizer: () => new DCASGD({ learningRate: 0.1, momentum: 0.5, lambda: 0.3, wd: 0.1 }),
    formula: (w, g0, _t, memory) => {
      const g = l2(w, g0, 0.1);
      memory['previous'] ??= [...w];
      const before = memory['previous'];
      const d = zip(w, g, before).map(([a, b, p]) => b! + 0.3 * b! * b! * (a! - p!));
      memory['m'] = zip(kept(memory, 'm', w), d).map(([m, s]) => 0.5 * m! - 0.1 * s!);
      memory['previous'] = [...w];
      return zip(w, memory['m']).map(([a, m]) => a! + m!);
    },
  },
  {
    optimizer: () => new SignSGD({ learningRate: 0.1, wd: 0.5 }),
    formula: (w, g) => minus(w, times(l2(w, g, 0.5).map(Math.sign), 0.1)),
  },
  {
    optimizer: () => new Signum({ learningRate: 0.1, momentum: 0.8, wd: 0.2, wdLh: 0.3 }),
    formula: (w, g, _t, memory) => {
      const m = ema(memory, 'm', 0.8, l2(w, g, 0.2));
      return zip(w, m).map(([a, v]) => (1 - 0.1 * 0.3) * a! - 0.1 * Math.sign(v!));
    },
  },
  {
    optimizer: () => new Lion({ learningRate: 0.05, beta1: 0.6, beta2: 0.9, wd: 0.5 }),
    formula: (w, g, _t, memory) => {
      const towards = zip(kept(memory, 'm', w), g).map(([m, v]) => Math.sign(0.6 * m! + 0.4 * v!));
      ema(memory, 'm', 0.9, g);
      return zip(w, towards).map(([a, s]) => a! - 0.05 * (s! + 0.5 * a!));
    },
  },
  {
    optimizer: () =>
      new Muon({ learningRate: 0.1, adamLearningRate: 0.02, wd: 0.1, momentum: 0.7 }),
    formula: (w, g, t, memory, columns) => {
      const rate = columns === 0 ? 0.02 : 0.1;
      const held = times(w, 1 - rate * 0.1);
      if (columns === 0)
        return minus(held, times(adamStep(g, t, memory, 1e-8, [0.9, 0.999]), rate));
      const m = ema(memory, 'm', 0.7, g);
      const ahead = zip(m, g).map(([a, b]) => 0.7 * a! + 0.3 * b!);
      const scale = Math.sqrt(Math.max(1, w.length / columns / columns));
      return minus(held, times(newtonSchulz(ahead, columns), rate * scale));
    },
  },
  {
    optimizer: () => new GroupAdaGrad({ learningRate: 0.2 }),
    formula: (w, g, _t, memory, columns) => {
      const width = Math.max(1, columns);
      const rows = matrix(g, width);
      const h = kept(
        memory,
        'h',
        rows.map(() => 0),
      );
      rows.forEach((row, i) => {
        h[i]! += row.reduce((s, v) => s + v * v, 0) / width;
      });
      return zip(w, g).map(
        ([a, v], i) => a! - (0.2 * v!) / (Math.sqrt(h[Math.floor(i / width)]!) + 1e-6),
      );
    },
  },
  {
    optimizer: () => new RMSProp({ learningRate: 0.2, wd: 0.1, clipWeights: 0.9 }),
    formula: (w, g0, _t, memory) => {
      const g = l2(w, g0, 0.1);
      const v = ema(
        memory,
        'v',
        0.9,
        g.map((x) => x * x),
      );
      return zip(w, g, v).map(([a, b, s]) =>
        Math.max(-0.9, Math.min(0.9, a! - (0.2 * b!) / (Math.sqrt(s!) + 1e-8))),
      );
    },
  },
  {
    optimizer: () => new AdaBelief({ learningRate: 0.1, wd: 0.1, beta1: 0.8, beta2: 0.9 }),
    formula: (w, g0, t, memory) => {
      const g = l2(w, g0, 0.1);
      const mean = ema(memory, 'mean', 0.8, g);
      memory['v'] = ema(
        memory,
        'v',
        0.9,
        minus(g, mean).map((x) => x * x),
      ).map((x) => x + 1e-6);
      return zip(w, mean, memory['v']).map(
        ([a, m, v]) => a! - (0.1 * m!) / (1 - 0.8 ** t) / (Math.sqrt(v! / (1 - 0.9 ** t)) + 1e-6),
      );
    },
  },
  {
    optimizer: () => new Nadam({ learningRate: 0.1, wd: 0.1, beta2: 0.9, scheduleDecay: 2 }),
    formula: (w, g0, t, memory) => {
      const g = l2(w, g0, 0.1);
      const momentum = (n: number): number => 0.9 * (1 - 0.5 * 0.96 ** (2 * n));
      const left = kept(memory, 'left', [1], 1);
      left[0]! *= momentum(t);
      const soon = left[0]! * momentum(t + 1);
      const mean = ema(memory, 'mean', 0.9, g);
      const v = ema(
        memory,
        'v',
        0.9,
        g.map((x) => x * x),
      );
      return zip(w, g, mean, v).map(([a, b, m, s]) => {
        const ahead =
          ((1 - momentum(t)) * b!) / (1 - left[0]!) + (momentum(t + 1) * m!) / (1 - soon);
        return a! - (0.1 * ahead) / (Math.sqrt(s! / (1 - 0.9 ** t)) + 1e-8);
      });
    },
  },
  {
    optimizer: () => new Ftrl({ learningRate: 0.3, lambda1: 0.2, beta: 0.5, wd: 0.1 }),
    formula: (w, g, _t, memory) => {
      const [z, n] = [kept(memory, 'z', w), kept(memory, 'n', w)];
      return w.map((a, i) => {
        const after = n[i]! + g[i]! ** 2;
        z[i]! += g[i]! - ((Math.sqrt(after) - Math.sqrt(n[i]!)) / 0.3) * a;
        n[i] = after;
        const beyond = Math.max(0, Math.abs(z[i]!) - 0.2);
        return (-Math.sign(z[i]!) * beyond) / ((0.5 + Math.sqrt(after)) / 0.3 + 0.1);
      });
    },
  },
  {
    optimizer: () => new FTML({ learningRate: 0.1, wd: 0.1, beta2: 0.9 }),
    formula: (w, g0, t, memory) => {
      const g = l2(w, g0, 0.1);
      const v = ema(
        memory,
        'v',
        0.9,
        g.map((x) => x * x),
      );
      const [d, z] = [kept(memory, 'd', w), kept(memory, 'z', w)];
      return w.map((a, i) => {
        const width = ((1 - 0.6 ** t) / 0.1) * (Math.sqrt(v[i]! / (1 - 0.9 ** t)) + 1e-8);
        z[i] = 0.6 * z[i]! + 0.4 * g[i]! - (width - 0.6 * d[i]!) * a;
        d[i] = width;
        return -z[i]! / width;
      });
    },
  },
  {
    optimizer: () => new LARS({ learningRate: 1, momentum: 0.5, eta: 0.1, wd: 0.2 }),
    formula: (w, g, _t, memory, columns) => {
      const share = (0.1 * norm(w)) / (norm(g) + 0.2 * norm(w) + 1e-8);
      const rate = columns === 0 || norm(w) === 0 || norm(g) === 0 ? 1 : share;
      memory['m'] = zip(kept(memory, 'm', w), l2(w, g, 0.2)).map(([m, v]) => 0.5 * m! - rate * v!);
      return zip(w, memory['m']).map(([a, m]) => a! + m!);
    },
  },
  {
    optimizer: () => new LAMB({ learningRate: 0.1, wd: 0.1, beta2: 0.9 }),
    formula: (w, g, t, memory) => {
      const step = l2(w, adamStep(g, t, memory, 1e-6, [0.9, 0.9]), 0.1);
      return minus(w, times(trust(w, step), 0.1));
    },
  },
  {
    optimizer: () => new LAMB({ learningRate: 0.1, lowerBound: 3, upperBound: 4, beta2: 0.9 }),
    formula: (w, g, t, memory) => {
      const step = adamStep(g, t, memory, 1e-6, [0.9, 0.9]);
      const own = Math.min(4, Math.max(3, norm(w)));
      return minus(w, times(step, (0.1 * own) / norm(step)));
    },
  },
  {
    optimizer: () => new LANS({ learningRate: 0.1, wd: 0.1, beta2: 0.9 }),
    formula: (w, g0, t, memory) => {
      const g = times(g0, 1 / norm(g0));
      const behind = adamStep(g, t, memory, 1e-6, [0.9, 0.9]);
      const width = memory['variance']!.map((v) => Math.sqrt(v / (1 - 0.9 ** t)) + 1e-6);
      const ahead = zip(g, width).map(([a, b]) => a! / b!);
      const [p, q] = [behind, ahead].map((d) => trust(w, l2(w, d, 0.1)));
      return minus(
        w,
        zip(p!, q!).map(([a, b]) => 0.1 * (0.9 * a! + 0.1 * b!)),
      );
    },
  },
];

const WEIGHT: Row = [0.5, -1.25, 2, 0.75, -0.5, 1.5];
const BIAS: Row = [0.25, -0.75];
/** Gradients in quarters, unlike from step to step. */
const gradient = (t: number, size: number): number[] =>
  Array.from({ length: size }, (_, i) => (((i * 7 + t * 5) % 11) - 4.5) / 4);

type Stored = 'float16' | 'float32' | 'float64';
const parameter = (shape: number[], values: Row, dtype: Stored = 'float32') => {
  const p = new Parameter({ shape, dtype });
  p.setData(nd.array([...values], { dtype }).reshape(shape));
  return p;
};

const { wide } = device.default().caps;
const DTYPES = { float32: { rtol: 2e-5, atol: 2e-6 }, float64: { rtol: 1e-13, atol: 1e-13 } };

for (const { optimizer, formula } of CASES)
  for (const compiled of [false, true])
    test(`${optimizer().name} is its formulas${compiled ? ', in a hybridized step' : ''}`, async () => {
      const both = wide && (compiled || optimizer().name === 'adam');
      const dtypes = both ? (['float32', 'float64'] as const) : (['float32'] as const);
      const parameters = dtypes.flatMap((dtype) => [
        parameter([2, 3], WEIGHT, dtype),
        parameter([2], BIAS, dtype),
      ]);
      const trainer = new Trainer(parameters, optimizer());
      const plain = (...gs: nd.NDArray[]): void => {
        autograd
          .record(() =>
            parameters
              .map((p, i) =>
                p
                  .data()
                  .mul(gs[i % 2]!)
                  .sum(),
              )
              .reduce((a, b) => a.add(b)),
          )
          .backward();
        trainer.step(2);
      };
      const step = compiled ? hybridize(plain) : plain;
      const wanted: Row[] = [WEIGHT, BIAS];
      const memories: Memory[] = [{}, {}];
      for (let t = 1; t <= 4; t++) {
        step(nd.array(gradient(t, 6)).reshape([2, 3]), nd.array(gradient(t, 2)));
        wanted.forEach((w, i) => {
          const g = times(gradient(t, w.length), 0.5);
          wanted[i] = formula(w, g, t, memories[i]!, i === 0 ? 3 : 0);
        });
        for (const [i, p] of parameters.entries()) {
          const dtype = dtypes[Math.floor(i / 2)]!;
          const goal = nd.array([...wanted[i % 2]!], { dtype });
          await assertAllClose(p.data().reshape([-1]), goal, DTYPES[dtype]);
        }
      }
    });

test('Langevin noise has the variance of the rate, follows the seed, and is new at each step', async () => {
  const run = async (compiled: boolean): Promise<number[]> => {
    random.seed(5);
    const w = new Parameter({ shape: [4000], init: 'zeros' });
    w.initialize();
    const trainer = new Trainer([w], new SGLD({ learningRate: 0.25 }));
    const plain = (): void => {
      autograd.record(() => w.data().mul(2).sum()).backward();
      trainer.step(1);
    };
    const step = compiled ? hybridize(plain) : plain;
    step();
    step();
    return Array.from(await w.data().data());
  };
  const [eager, traced] = [await run(false), await run(true)];
  const mean = eager.reduce((a, b) => a + b, 0) / 4000;
  const variance = eager.reduce((a, b) => a + (b - mean) ** 2, 0) / 4000;
  assert.ok(Math.abs(mean + 0.5) < 0.05, `mean ${mean}`);
  assert.ok(Math.abs(variance - 0.5) < 0.05, `variance ${variance}`);
  await assertAllClose(nd.array(traced), eager, { atol: 1e-5 });
});

test('with multiPrecision, small steps of a parameter of 16 bits add up, also after setData', async () => {
  for (const multiPrecision of [false, true]) {
    const w = parameter([2], [1, 1], 'float16');
    const trainer = new Trainer([w], new SGD({ learningRate: 1, multiPrecision }));
    const step = hybridize(() => {
      autograd
        .record(() =>
          w
            .data()
            .mul(2 ** -12)
            .sum(),
        )
        .backward();
      trainer.step(1);
    });
    for (let i = 0; i < 8; i++) step();
    // a quarter of the distance between 1 and the number before it, eight times
    assert.equal(
      Array.from(await w.data().data()),
      multiPrecision ? [1 - 2 ** -9, 1 - 2 ** -9] : [1, 1],
    );
    w.setData(nd.array([2, 4], { dtype: 'float16' }));
    step();
    assert.equal(Array.from(await w.data().data()), [2, 4]);
  }
});

test('a parameter whose rate is 0 stays as it is', async () => {
  for (const make of [
    () => new Ftrl({ learningRate: 0 }),
    () => new FTML({ learningRate: 0 }),
    () => new AdaGrad({ learningRate: 0 }),
  ]) {
    const w = parameter([2], BIAS);
    const trainer = new Trainer([w], make());
    autograd.record(() => w.data().sum()).backward();
    trainer.step(1);
    assert.equal(Array.from(await w.data().data()), BIAS);
  }
});

test.run();
