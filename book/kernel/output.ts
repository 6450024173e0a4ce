/**
 * What a kernel says while a cell runs.
 *
 * Invariant: plain data that survives structured clone and JSON: a worker may post it, a file may keep it.
 */
import type { Displayable } from 'tigon/d2l';

export type Output =
  | { readonly kind: 'text'; readonly stream: 'log' | 'warn' | 'error'; readonly text: string }
  /** The value of the last expression. */
  | { readonly kind: 'value'; readonly text: string }
  /** The same id again: what was shown under it is replaced. */
  | { readonly kind: 'display'; readonly id: string; readonly item: Displayable }
  | { readonly kind: 'record'; readonly name: string; readonly value: number | string }
  | {
      readonly kind: 'error';
      readonly name: string;
      readonly message: string;
      /** Within the cell, from 1. */
      readonly line?: number;
      /** The frames that are in cells. */
      readonly stack?: string;
    };
