/** Programs as translation units: accepted by compilers whatever was compiled, given what the program says. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../../src/codegen/caps.ts';
import { cudaCaps, DEFAULT_PROPERTIES, defaultCudaCaps } from '../../../src/codegen/cuda/caps.ts';
import type { CudaProgram } from '../../../src/codegen/cuda/module.ts';
import { renderProgram } from '../../../src/codegen/cuda/program.ts';
import type { Graph } from '../../../src/ir/graph/graph.ts';
import { parseGraph } from '../../../src/ir/graph/parse.ts';
import { parseProgram } from '../../../src/ir/program/parse.ts';
import { verifyProgram } from '../../../src/ir/program/verify.ts';
import type { Program } from '../../../src/ir/program.ts';
import { compileGraph } from '../../../src/passes/pipeline.ts';
import { opCases } from '../../ir/graph/cases.ts';
import { CudaUnit } from '../../support/cuda-unit.ts';
import { lenetStep, mlpStep } from '../../support/nets.ts';
import {
  compileForBoth,
  compileRest,
  hasGcc,
  hasNvcc,
  type Resources,
  readEmulated,
} from '../../support/nvcc.ts';

const test = suite('cuda programs');

const CAPS: Readonly<Record<string, Caps>> = {
  sm_80: defaultCudaCaps,
  'sm_80, products in TF32': cudaCaps(DEFAULT_PROPERTIES, { tf32: true }),
  sm_90a: cudaCaps({ ...DEFAULT_PROPERTIES, capability: 90 }, { tf32: false }),
  'no matrix units': { ...defaultCudaCaps, tensorCores: 'none' },
  'one thread': { ...defaultCudaCaps, threads: 1, tensorCores: 'none' },
};

/** Arguments of steps match parameters and buffers. */
const checkArguments = (program: Program, rendered: Omit<CudaProgram, 'source'>): void => {
  const { kernels, steps, scalars, scalarBytes } = rendered;
  assert.is(new Set(kernels.map((k) => k.name)).size, kernels.length);
  for (const { kernel, arguments: given, step } of steps) {
    const { parameters, grid, threads, sharedBytes } = kernels[kernel]!;
    const own = program.kernels[program.steps[step]!.kernel]!;
    assert.equal([grid, threads], [[own.grid, 1, 1], own.threads]);
    const shared = own.buffers.filter((b) => b.space === 'shared');
    assert.ok(sharedBytes === 0 || shared.length > 0);
    assert.equal(
      given.map((a) => a.kind),
      parameters.map((p) => p.kind),
    );
    // each buffer of the step is behind one argument, itself or as the one whose place it takes
    const bound = new Set(given.map((a) => (a.kind === 'scalars' ? -1 : a.buffer)));
    for (const b of program.steps[step]!.bindings) {
      let root = b;
      while (program.buffers[root]!.inPlaceOf !== undefined)
        root = program.buffers[root]!.inPlaceOf!;
      assert.ok(bound.has(program.buffers[b]!.role === 'scalar' ? -1 : root));
    }
    for (const a of given) if (a.kind === 'scalars') assert.ok(a.offset + 4 <= scalarBytes);
  }
  for (const slot of scalars) assert.is(program.buffers[slot.buffer]!.role, 'scalar');
};

/** Names that need headers, which NVRTC has not. */
const HEADERS = /\b(INFINITY|NAN|FLT_\w+|U?INT_M\w+|u?int\d+_t|printf|size_t|std)\b|#include/;

/** All kernels of the suite, compiled at its end: those that any device runs, and those for sm_90a alone. */
const unit = new CudaUnit();
const bulk = new CudaUnit(unit);
const add = (graph: Graph, caps: Caps): void => {
  const { program } = compileGraph(graph, caps);
  checkArguments(program, (caps.tensorCores === 'sm90a' ? bulk : unit).add(program));
};

/** Products in 16 bits, batched, with an epilogue; attention. */
const PRODUCTS: readonly string[] = (['f16', 'bf16', 'f32'] as const).flatMap((dtype) => [
  `graph (%a: ${dtype}[256, 512], %b: ${dtype}[512, 384]) {
  %c = dot %a, %b {aBatch=[], bBatch=[], aContract=[1], bContract=[0]}
  %d = relu %c
  return %d
}`,
  `graph (%a: ${dtype}[4, 130, 96], %b: ${dtype}[4, 70, 96]) {
  %c = dot %a, %b {aBatch=[0], bBatch=[0], aContract=[2], bContract=[2]}
  return %c
}`,
]);

for (const [name, caps] of Object.entries(CAPS)) {
  test(`every op's examples, ${name}`, () => {
    for (const c of opCases()) add(c.graph, caps);
  });

  test(`training steps of an MLP and LeNet, ${name}`, () => {
    for (const rule of ['sgd', 'adam'] as const) {
      add(mlpStep(64, rule), caps);
      add(lenetStep(16, 28, rule), caps);
    }
  });

  test(`products of matrices, ${name}`, () => {
    for (const text of PRODUCTS) add(parseGraph(text), caps);
  });
}

test('all of them need no header', () => {
  assert.ok(unit.size > 300, `${unit.size} kernels`);
  for (const { source } of [unit, bulk]) assert.not.match(source, HEADERS);
});

test('matrix units are used', () => {
  for (const name of ['mma_f16', 'mma_bf16', 'mma_tf32']) assert.match(unit.source, `${name}(`);
});

test('all of them are read by the compiler of the emulator, without warnings', () => {
  if (!hasGcc()) {
    console.log('skipped: there is no g++');
    return;
  }
  for (const { source } of [unit, bulk]) readEmulated(source);
});

/** The compiler warned of nothing, and each kernel does with its registers. */
const checkResources = (own: CudaUnit, kernels: ReadonlyMap<string, Resources>): void => {
  assert.is(kernels.size, own.size);
  const spilling = [...kernels].filter(([, { spills }]) => spills > 0);
  assert.equal(
    spilling.map(([name, { spills }]) => `${spills} bytes: ${own.origin(name)}`),
    [],
  );
};

test('all that any device runs compile without warnings, for sm_80 and sm_90a', () => {
  if (!hasNvcc()) {
    console.log('skipped: there is no nvcc');
    return;
  }
  for (const kernels of compileForBoth(unit.source)) checkResources(unit, kernels);
});

test('all that only sm_90a has compile for it without warnings', () => {
  if (!hasNvcc()) {
    console.log('skipped: there is no nvcc');
    return;
  }
  checkResources(bulk, compileRest(bulk.source, 'sm_90a'));
});

/** Two sums that differ in names alone, one of them twice; the last takes its operand's place. */
const PROGRAM = `program sums {
  arena 1024, 512
  input x: f32[64]
  input w: f32[64]
  scalar rate: f32[]
  scalar shift: f32[]
  scalar count: i32[]
  output y: f32[64]
  temp a: f32[64] offset 0
  temp b: f32[64] offset 512
  temp c: f32[64] offset 512 inplace b
  thread first(read x: f32[64], read s: f32[1], write y: f32[64]) grid 64 as g {
    cost 64, 516
    y[g] = x[g] * s[0]
  }
  thread second(read weight: f32[64], read rate: f32[1], write total: f32[64]) grid 64 as g {
    cost 64, 516
    total[g] = weight[g] * rate[0]
  }
  thread third(read p: f32[64], read n: i32[1], read s: f32[1], write q: f32[64]) grid 64 as g {
    cost 64, 516
    q[g] = p[g] * f32(n[0]) + s[0]
  }
  run first(x, rate, a)
  run second(w, rate, b)
  barrier run third(b, count, shift, c)
  barrier run first(c, shift, y)
}`;

const rendered = (names: 'own' | 'plain'): CudaProgram => {
  const program = parseProgram(PROGRAM);
  verifyProgram(program, defaultCudaCaps);
  const result = renderProgram(program, { names });
  checkArguments(program, result);
  return result;
};

test('kernels that do the same to other buffers are one, whatever they are called', () => {
  for (const names of ['plain', 'own'] as const) {
    const { steps, kernels } = rendered(names);
    assert.equal(
      steps.map((s) => s.kernel),
      [0, 0, 1, 0],
    );
    assert.is(kernels.length, 2);
  }
});

test('a temporary in the place of another is the same pointer', () => {
  const { steps, kernels, source } = rendered('own');
  assert.equal(kernels[1]!.parameters, [
    { kind: 'buffer', slot: 0, access: 'readwrite' },
    { kind: 'scalars' },
  ]);
  assert.equal(steps[2]!.arguments, [
    { kind: 'buffer', buffer: 7 },
    { kind: 'scalars', offset: 16 },
  ]);
  assert.match(source, 'float* __restrict__ p,\n  const unsigned* __restrict__ scalars\n');
  assert.equal(steps[3]!.arguments[0], { kind: 'buffer', buffer: 7 });
});

test('scalars of a step are a block of their own, shared by steps with the same ones', () => {
  const { scalars, scalarBytes } = rendered('plain');
  assert.equal(scalars, [
    { buffer: 2, offset: 0, elem: 'f32' },
    { buffer: 4, offset: 16, elem: 'i32' },
    { buffer: 3, offset: 20, elem: 'f32' },
    { buffer: 3, offset: 32, elem: 'f32' },
  ]);
  assert.is(scalarBytes, 48);
});

test.run();
