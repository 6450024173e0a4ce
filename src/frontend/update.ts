/**
 * Updates of arrays by one compiled graph: optimizer steps and metrics.
 *
 * Invariant: eager, the graph writes its targets in place; while tracing, its nodes become part of the trace and the
 * targets get the new values when the program runs. Nothing is recorded for gradients.
 */
import { GraphBuilder } from '../ir/graph/builder.ts';
import type { Assign, Node } from '../ir/graph/graph.ts';
import type { Device } from '../runtime/device.ts';
import { assign, callGraph } from './call.ts';
import { type Callable, callableOf } from './callable.ts';
import { mode, withMode } from './mode.ts';
import type { NDArray, Operand } from './ndarray.ts';

/** A graph of new values for some of its inputs. */
export interface Update {
  readonly inPlace: Callable;
  readonly values: Callable;
  /** For each value: the input that it replaces. */
  readonly targets: readonly number[];
}

/** What an update does: new values of inputs, and results beside them. */
export interface Effects {
  readonly assigns: readonly Assign[];
  readonly results?: readonly Node[];
}

/** Defines an update; `build` makes the inputs in the order in which `applyUpdate` gets the operands. */
export const updateOf = (
  name: string,
  build: (b: GraphBuilder) => Effects | readonly Assign[],
): Update => {
  const builder = new GraphBuilder();
  const effects = build(builder);
  const { assigns, results = [] } = 'assigns' in effects ? effects : { assigns: effects };
  const values = assigns.map((a) => a.value);
  return {
    inPlace: callableOf(builder.graph(name, results, assigns)),
    values: callableOf(builder.graph(name, [...values, ...results])),
    targets: assigns.map((a) => builder.inputs.indexOf(a.target)),
  };
};

/** Makes the targets among `operands` stand for their new values; returns the results. */
export const applyUpdate = (
  update: Update,
  operands: readonly Operand[],
  device: Device,
): NDArray[] =>
  withMode({ recording: false, taping: false }, () => {
    if (mode.trace === undefined) return callGraph(update.inPlace, operands, device);
    const values = callGraph(update.values, operands, device);
    update.targets.forEach((target, i) => {
      assign(operands[target] as NDArray, values[i]!);
    });
    return values.slice(update.targets.length);
  });
