/**
 * Where what is shown goes: a page, a notebook, a file, or, as text, the terminal.
 *
 * Invariant: an item shown under the same id replaces the one before; of items that change many times a second some are
 * left out, never the last.
 */
import { failure } from '../callsite.ts';
import { checkFunction, shown } from '../options.ts';
import type { Displayable } from './displayable.ts';
import { displayText } from './text.ts';

/** Takes what is shown. */
export type DisplaySink = (id: string, item: Displayable) => void;

/** Between two pictures of one thing that changes. */
const LIVE_MS = 120;

let sink: DisplaySink | undefined;
let made = 0;
/** When a live item was shown last, by its id. */
const shownAt = new Map<string, number>();
/** Live items that were not shown yet. */
const waiting = new Map<string, () => Displayable>();

/** A name that no item has. */
export const newId = (): string => `display-${++made}`;

const checkItem = (item: Displayable): void => {
  const kind: unknown = (item as Displayable | undefined)?.kind;
  if (kind === 'figure' || kind === 'table' || kind === 'programs') return;
  throw failure(
    'value',
    `display: ${shown(item)} cannot be shown`,
    'pass a figure, a table, or what programs(f) gives; plain values: console.log',
  );
};

/**
 * Shows a figure, a table, or compiled programs: plain records, no arrays. An item with the `id` of an earlier one
 * replaces it. Where nothing takes what is shown ({@link onDisplay}) it is printed as text.
 *
 * @throws {ValueError} for anything else
 *
 * @example
 * display({ kind: 'table', columns: ['n', 'n²'], rows: [[1, 1], [2, 4]] });
 */
export const display = (item: Displayable, id: string = newId()): void => {
  checkItem(item);
  waiting.delete(id);
  if (sink === undefined) console.log(displayText(item));
  else sink(id, item);
};

/**
 * Shows an item that will soon change again. Where it is printed, only its end is.
 *
 * `isLast`: it will not change any more.
 */
export const displayLive = (id: string, item: () => Displayable, isLast: boolean): void => {
  const now = performance.now();
  const isDue = sink !== undefined && now - (shownAt.get(id) ?? -LIVE_MS) >= LIVE_MS;
  if (!isLast && !isDue) {
    waiting.set(id, item);
    return;
  }
  display(item(), id);
  if (isLast) shownAt.delete(id);
  else shownAt.set(id, now);
};

/**
 * Shows what is still waiting to be shown: the last state of figures that change many times a second. Whoever runs a
 * piece of a program, such as a cell of a notebook, calls it at the end.
 *
 * @throws nothing
 *
 * @example flushDisplays();
 */
export const flushDisplays = (): void => {
  for (const [id, item] of waiting) display(item(), id);
  shownAt.clear();
};

/**
 * Has `to` take all that is shown from now on, instead of the terminal. Gives a function that puts back what was there
 * before.
 *
 * @throws {ValueError} unless `to` is a function
 *
 * @example
 * const ids: string[] = [];
 * const restore = onDisplay((id) => ids.push(id));
 * display({ kind: 'table', columns: ['a'], rows: [] }, 'mine');
 * restore();
 * ids;   // ['mine']
 */
export const onDisplay = (to: DisplaySink): (() => void) => {
  checkFunction('onDisplay', to, 'pass a function of an id and an item');
  const before = sink;
  sink = to;
  return () => {
    sink = before;
  };
};
