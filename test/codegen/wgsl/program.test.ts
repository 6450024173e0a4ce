/** Programs as shaders: accepted by Tint whatever was compiled, bound as the program says. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../../src/codegen/caps.ts';
import { type Naming, plainNames } from '../../../src/codegen/text/names.ts';
import { defaultWgslCaps, GUARANTEED_LIMITS, wgslCaps } from '../../../src/codegen/wgsl/caps.ts';
import { completed } from '../../../src/codegen/wgsl/library.ts';
import { ownNames } from '../../../src/codegen/wgsl/names.ts';
import { renderProgram } from '../../../src/codegen/wgsl/program.ts';
import { bringRareFunctions } from '../../../src/codegen/wgsl/rare.ts';
import type { ProgramShaders, Shader } from '../../../src/codegen/wgsl/shader.ts';
import type { Graph } from '../../../src/ir/graph/graph.ts';
import { parseGraph } from '../../../src/ir/graph/parse.ts';
import { parseProgram } from '../../../src/ir/program/parse.ts';
import { verifyProgram } from '../../../src/ir/program/verify.ts';
import type { Program } from '../../../src/ir/program.ts';
import { compileGraph } from '../../../src/passes/pipeline.ts';
import { opCases } from '../../ir/graph/cases.ts';
import { lenetStep, mlpStep } from '../../support/nets.ts';
import { assertReflection } from '../../support/reflect.ts';
import { assertTint } from '../../support/tint.ts';

const test = suite('wgsl programs');

const FEATURES = [
  { f16: false, subgroups: true },
  { f16: true, subgroups: true },
] as const;

/** Caps of devices: what is guaranteed, with exchanges, and one thread a workgroup. */
const CAPS: Readonly<Record<string, Caps>> = {
  guaranteed: defaultWgslCaps,
  'with subgroups': wgslCaps(GUARANTEED_LIMITS, 32),
  'one thread': { ...defaultWgslCaps, threads: 1 },
};

/** Bindings of steps match shaders and buffers. */
const checkBindings = (
  program: Program,
  { shaders, steps, scalars, uniformBytes }: ProgramShaders,
): void => {
  assert.is(steps.length, program.steps.length);
  steps.forEach((step, i) => {
    const shader = shaders[step.shader]!;
    assert.equal(
      step.bindings.map(({ binding, kind }) => ({ binding, kind })),
      shader.bindings.map(({ binding, kind }) => ({ binding, kind })),
    );
    for (const range of step.bindings) {
      assert.is(range.bytes % 16, 0);
      if (range.kind === 'uniform') {
        assert.is(range.offset % 256, 0);
        assert.ok(range.offset + range.bytes <= uniformBytes);
        continue;
      }
      const buffer = program.buffers[range.buffer]!;
      assert.ok(range.bytes <= Math.max(16, Math.ceil(buffer.bytes / 16) * 16), buffer.name);
      assert.is.not(buffer.role, 'scalar');
      const reads = buffer.role === 'input' || buffer.role === 'constant';
      assert.is(range.kind, reads ? 'read-only-storage' : 'storage');
    }
    // each buffer of the step is behind one binding, itself or as the one whose place it takes
    const bound = new Set(step.bindings.map((r) => (r.kind === 'uniform' ? -1 : r.buffer)));
    for (const b of program.steps[i]!.bindings) {
      let root = b;
      while (program.buffers[root]!.inPlaceOf !== undefined)
        root = program.buffers[root]!.inPlaceOf!;
      assert.ok(bound.has(program.buffers[b]!.role === 'scalar' ? -1 : root));
    }
  });
  for (const slot of scalars) assert.is(program.buffers[slot.buffer]!.role, 'scalar');
};

const checked = new Set<string>();
const checkShader = async (shader: Shader): Promise<void> => {
  if (checked.has(shader.code)) return;
  checked.add(shader.code);
  await assertTint(shader);
  assertReflection(shader);
};

const check = async (graph: Graph, caps: Caps): Promise<void> => {
  const { program } = compileGraph(graph, caps);
  for (const features of FEATURES) {
    const rendered = renderProgram(program, { features, names: plainNames });
    checkBindings(program, rendered);
    for (const shader of rendered.shaders) await checkShader(shader);
  }
};

test('functions that nobody brought are added to what was written without them', async () => {
  const graph = parseGraph(`graph main(%x: f32[4, 8]) {
  %a = sin %x
  %b = erf %a
  %c = pow %b, %x
  return %c
}`);
  const { program } = compileGraph(graph, defaultWgslCaps);
  const render = (): Shader =>
    renderProgram(program, { features: FEATURES[0], names: plainNames }).shaders[0]!;
  const before = render();
  assert.equal(before.missing, ['sin_vec4f', 'erf_vec4f', 'pow_vec4f']);
  assert.throws(() => completed(before), /the library has functions sin_vec4f/);
  bringRareFunctions();
  await assertTint({ ...before, code: completed(before) });
  assert.equal(render().missing, []);
});

for (const [name, caps] of Object.entries(CAPS)) {
  test(`every op's examples, ${name}`, async () => {
    for (const c of opCases()) await check(c.graph, caps);
  });

  test(`training steps of an MLP and LeNet, ${name}`, async () => {
    for (const rule of ['sgd', 'adam'] as const) {
      await check(mlpStep(64, rule), caps);
      await check(lenetStep(16, 28, rule), caps);
    }
  });
}

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

const rendered = (names: Naming): ProgramShaders => {
  const program = parseProgram(PROGRAM);
  verifyProgram(program, defaultWgslCaps);
  const shaders = renderProgram(program, { features: FEATURES[0], names });
  checkBindings(program, shaders);
  return shaders;
};

test('kernels that do the same to other buffers are one shader', async () => {
  const { shaders, steps } = rendered(plainNames);
  // reads from inputs and from the arena differ in how they are bound
  assert.equal(
    steps.map((s) => s.shader),
    [0, 0, 1, 2],
  );
  for (const shader of shaders) await checkShader(shader);
  assert.is(rendered(ownNames).shaders.length, 4);
});

test('a temporary in the place of another is the same binding', () => {
  const { steps, shaders } = rendered(plainNames);
  assert.equal(steps[2]!.bindings, [
    { binding: 0, kind: 'storage', buffer: 7, bytes: 256 },
    { binding: 1, kind: 'uniform', offset: 256, bytes: 16 },
  ]);
  assert.equal(shaders[1]!.bindings[0]!.buffers, [0, 3]);
  assert.is(steps[3]!.bindings[0]!.kind === 'storage' && steps[3]!.bindings[0]!.buffer, 7);
});

test('scalars of a step are a block of their own, shared by steps with the same ones', () => {
  const { scalars, uniformBytes } = rendered(plainNames);
  assert.equal(scalars, [
    { buffer: 2, offset: 0, elem: 'f32' },
    { buffer: 4, offset: 256, elem: 'i32' },
    { buffer: 3, offset: 260, elem: 'f32' },
    { buffer: 3, offset: 512, elem: 'f32' },
  ]);
  assert.is(uniformBytes, 528);
});

test.run();
