/**
 * A second opinion on barriers: the lockstep run of wgsl_reflect over kernels whose threads share memory.
 *
 * Its numbers are not used (its interpreter is no oracle), and it misses barriers inside of branches, so the product here
 * is staged in one step; the thread interpreter checks all kernels by its own rules.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultWgslCaps } from '../../../src/codegen/wgsl/caps.ts';
import { ownNames } from '../../../src/codegen/wgsl/names.ts';
import { renderProgram } from '../../../src/codegen/wgsl/program.ts';
import type { Shader } from '../../../src/codegen/wgsl/shader.ts';
import { GraphBuilder } from '../../../src/ir/graph/builder.ts';
import type { Attrs, Graph } from '../../../src/ir/graph/graph.ts';
import { graphOps } from '../../../src/ir/graph/registry.ts';
import { tensor } from '../../../src/ir/type.ts';
import { compileGraph } from '../../../src/passes/pipeline.ts';

interface Found {
  readonly races: readonly { readonly message: string }[];
  /** What it could not run. */
  readonly errors: readonly string[];
}
const { detectRaces } = (await import('wgsl_reflect/wgsl_reflect.module.js' as string)) as {
  readonly detectRaces: (
    code: string,
    entry: string,
    workgroups: readonly number[],
    groups: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ) => Found;
};

const graphOf = (op: string, shapes: readonly (readonly number[])[], attrs: Attrs): Graph => {
  const builder = new GraphBuilder();
  const inputs = shapes.map((shape, i) =>
    builder.input(tensor('float32', shape), { name: `x${i}` }),
  );
  return builder.graph(op, [builder.emit(graphOps.get(op)!, inputs, attrs)]);
};

/** The shaders of a graph on a device with workgroups of 16 threads: lockstep is slow. */
const shadersOf = (graph: Graph): readonly Shader[] => {
  const caps = { ...defaultWgslCaps, threads: 16 };
  const { program } = compileGraph(graph, caps);
  const features = { f16: false, subgroups: false };
  return renderProgram(program, { features, names: ownNames }).shaders;
};

const racesOf = (shader: Shader, code: string): Found => {
  const bound = shader.bindings.map(({ binding, bytes }): [string, Float32Array] => [
    `${binding}`,
    new Float32Array(bytes / 4).map((_, i) => Math.sin(i)),
  ]);
  return detectRaces(code, shader.entryPoint, [1, 1, 1], { 0: Object.fromEntries(bound) });
};

const product: Attrs = { aBatch: [], bBatch: [], aContract: [1], bContract: [0] };
const kernels: readonly (readonly [string, Graph])[] = [
  [
    'matrix product',
    graphOf(
      'dot',
      [
        [16, 16],
        [16, 16],
      ],
      product,
    ),
  ],
  ['softmax', graphOf('softmax', [[4, 70]], { axis: 1 })],
  ['sum down columns', graphOf('sum', [[70, 4]], { axes: [0] })],
  ['sum along rows', graphOf('sum', [[16, 70]], { axes: [1] })],
];

for (const [name, graph] of kernels)
  test(`${name}: lockstep finds no race, and finds one where barriers are missing`, () => {
    const shaders = shadersOf(graph);
    assert.ok(shaders.some((s) => s.code.includes('workgroupBarrier();')));
    for (const shader of shaders) {
      const found = racesOf(shader, shader.code);
      assert.equal(found.errors, [], name);
      assert.equal(
        found.races.map((r) => r.message),
        [],
        name,
      );
      if (!shader.code.includes('workgroupBarrier();')) continue;
      const without = shader.code.replaceAll('workgroupBarrier();', '');
      assert.ok(racesOf(shader, without).races.length > 0, `${name}: no barrier is missed`);
    }
  });

test.run();
