/** Programs that nobody has kept: a graph compiled and loaded. */
import type { Graph } from '../../ir/graph/graph.ts';
import { type Compiled, compileGraph } from '../../passes/pipeline.ts';
import type { Device, Executable } from '../../runtime/device.ts';

/** A program and what runs it. */
export interface Ready {
  readonly compiled: Compiled;
  readonly executable: Executable;
}

/** Compiles a graph for a device, and loads it there. */
export const fresh = (graph: Graph, device: Device): Ready => {
  const compiled = compileGraph(graph, device.caps);
  return { compiled, executable: device.load(compiled.program) };
};
