/** Programs that nobody has kept: a graph compiled and loaded. */
import type { Graph } from '../../ir/graph/graph.ts';
import { type Compiled, compileGraph } from '../../passes/pipeline.ts';
import type { Without } from '../../passes/switches.ts';
import type { Device, Executable } from '../../runtime/device.ts';

/** A program and what runs it. */
export interface Ready {
  readonly compiled: Compiled;
  readonly executable: Executable;
}

/** Compiles a graph for a device, and loads it there. */
export const fresh = (graph: Graph, device: Device, without: Without): Ready => {
  const compiled = compileGraph(graph, device.caps, without);
  return { compiled, executable: device.load(compiled.program) };
};
