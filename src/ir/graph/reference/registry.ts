/**
 * All references by op: what the interpreter of graphs and the generated tests enumerate.
 *
 * Invariant: every op of the registry has one, except `input`.
 */
import type { Op } from '../graph.ts';
import { attentions } from './attention.ts';
import { attentionGradients } from './attention-gradient.ts';
import { composites } from './composite.ts';
import { concats } from './concat.ts';
import { convolutions } from './conv.ts';
import type { Reference } from './define.ts';
import { dots } from './dot.ts';
import { draws } from './gamma-draw.ts';
import { leaves } from './leaf.ts';
import { matrixFunctions } from './linalg.ts';
import { maps } from './map.ts';
import { ownGradients } from './own-gradient.ts';
import { reductions } from './reduce.ts';
import { runnings } from './running.ts';
import { scans } from './scan.ts';
import { slices } from './slice.ts';
import { specials } from './special.ts';
import { takes } from './take.ts';
import { views } from './view.ts';
import { windows } from './window.ts';
import { writers } from './writer.ts';

const all: readonly Reference[] = [
  ...[...leaves, ...maps, ...views, ...slices, ...concats],
  ...[...reductions, ...runnings, ...windows, ...dots, ...convolutions],
  ...[...attentions, ...attentionGradients, ...takes, ...composites, ...ownGradients],
  ...matrixFunctions,
  ...[...scans, ...specials, ...writers, ...draws],
];

export const references: ReadonlyMap<Op, Reference> = new Map(all.map((r) => [r.op, r]));
