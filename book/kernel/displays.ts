/**
 * What cells show and record through `tigon/d2l`.
 *
 * Invariant: knows the helpers only once a cell has imported them; outside of cells they are as they were.
 */
import type * as d2l from 'tigon/d2l';
import { readable } from '../cells/index.ts';
import type { Output } from './output.ts';

type Helpers = Pick<typeof d2l, 'onDisplay' | 'onRecord' | 'flushDisplays'>;

const isHelpers = (module: object): module is Helpers =>
  'onDisplay' in module && 'onRecord' in module && 'flushDisplays' in module;

/** Whether a value is what `display` takes, so that as the last value of a cell it is shown. */
export const isDisplayable = (value: unknown): value is d2l.Displayable => {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false;
  return (
    (value.kind === 'figure' && 'panels' in value) ||
    (value.kind === 'table' && 'columns' in value && 'rows' in value) ||
    (value.kind === 'programs' && 'programs' in value)
  );
};

/** Programs name the places that they come from. */
export const readableItem = (item: d2l.Displayable): d2l.Displayable =>
  item.kind === 'programs' ? (JSON.parse(readable(JSON.stringify(item))) as d2l.Displayable) : item;

export interface Displays {
  /** A cell has imported a module. */
  found(module: object): void;
  /** What is shown from now on goes to `post`. */
  begin(post: (output: Output) => void): void;
  /** Shows what still waits, and lets go of the helpers. */
  end(): void;
}

export const createDisplays = (): Displays => {
  let helpers: Helpers | undefined;
  let post: ((output: Output) => void) | undefined;
  let restore: (() => void) | undefined;
  const connect = (): void => {
    if (helpers === undefined || post === undefined || restore !== undefined) return;
    const to = post;
    const undo = [
      helpers.onDisplay((id, item) => to({ kind: 'display', id, item: readableItem(item) })),
      helpers.onRecord((name, value) => to({ kind: 'record', name, value })),
    ];
    restore = () => {
      for (const act of undo) act();
    };
  };
  return {
    found(module) {
      if (!isHelpers(module)) return;
      helpers = module;
      connect();
    },
    begin(to) {
      post = to;
      connect();
    },
    end() {
      helpers?.flushDisplays();
      restore?.();
      restore = undefined;
      post = undefined;
    },
  };
};
