/**
 * Methods that bring much with them, and arrays in keys (`tigon/methods`): part of `tigon`, but not of `tigon/web`, so
 * that a page loads of such functions only those that it names.
 *
 * Invariant: importing this module puts them on the prototype, in place of those that say that they are not here.
 */
import {
  install,
  type MoreIndexing,
  type MoreReductions,
  type MoreShapes,
  type Shapes,
} from './methods.ts';
import * as joins from './nd/concat.ts';
import * as indexing from './nd/indexing.ts';
import * as padding from './nd/padding.ts';
import * as reductions from './nd/reduce.ts';
import * as shapes from './nd/shape.ts';

const REDUCTIONS: Pick<typeof reductions, MoreReductions> = {
  prod: reductions.prod,
  norm: reductions.norm,
  var: reductions.var,
  std: reductions.std,
};
const SHAPES: Pick<Shapes, MoreShapes> = {
  split: joins.split,
  tile: shapes.tile,
  repeat: shapes.repeat,
  pad: padding.pad,
};
const INDEXING: Pick<typeof indexing, MoreIndexing> = {
  slice: indexing.slice,
  at: indexing.at,
  set: indexing.set,
  take: indexing.take,
  gather: indexing.gather,
  pick: indexing.pick,
  oneHot: indexing.oneHot,
};
for (const table of [REDUCTIONS, SHAPES, INDEXING]) install(table);
