/** Programs that nobody has kept: a graph compiled and loaded. */

import { tuner } from '#tuner';
import type { Graph } from '../../ir/graph/graph.ts';
import { type Compiled, compileGraph } from '../../passes/pipeline.ts';
import type { Recipe } from '../../passes/recipe.ts';
import type { Device, Executable } from '../../runtime/device.ts';
import { failure } from '../callsite.ts';

/** A program and what runs it. */
export interface Ready {
  readonly compiled: Compiled;
  readonly executable: Executable;
}

/** Compiles a graph for a device; measures schedules there if the recipe says so. */
export const compileFor = (graph: Graph, device: Device, recipe: Recipe): Compiled => {
  if (!recipe.tune) return compileGraph(graph, device.caps, recipe);
  const made = tuner();
  if (made !== undefined) return compileGraph(graph, device.caps, recipe, made(device));
  throw failure(
    'option',
    `${graph.name}: tune: nothing in this page measures schedules`,
    "import { enableTuning } from 'tigon/tune', and call it before",
  );
};

/** Compiles a graph for a device, and loads it there. */
export const fresh = (graph: Graph, device: Device, recipe: Recipe): Ready => {
  const compiled = compileFor(graph, device, recipe);
  return { compiled, executable: device.load(compiled.program) };
};
