/**
 * A lesson's cells as the page sees them: which have run, what they showed, and the worker that runs them.
 *
 * Invariants: cells run one at a time and in the order they were asked for; one that needs what stands above it runs
 * that first; stopping ends the worker, so nothing it made is left.
 */
import { reactive } from 'vue';
import type { Cell } from '../../format/lesson.ts';
import type { Output } from '../../kernel/output.ts';
import type { DeviceName, FromWorker, ToWorker } from './protocol.ts';

/** `blocked`: one above it has failed, so that it was not run. `stopped`: ended by the reader. */
export type Status =
  | 'fresh'
  | 'queued'
  | 'running'
  | 'done'
  | 'failed'
  | 'stale'
  | 'blocked'
  | 'stopped';

/** Cells that have nothing to give to those below them. */
const UNRUN: ReadonlySet<Status> = new Set(['fresh', 'failed', 'blocked', 'stopped']);

/** What a page says of a cell. */
export interface Given extends Pick<Cell, 'id' | 'role' | 'throws' | 'quick' | 'needs'> {
  /** What the reader sees now. */
  readonly source: () => string;
  /** Whether that is what the lesson says. */
  readonly isOriginal: () => boolean;
}

/** What a page knows of a cell. */
export interface LiveCell extends Given {
  status: Status;
  /** Of the last run; undefined until the cell has run here. */
  outputs: Output[] | undefined;
  ms: number | undefined;
  /** The cell above that failed, of one that is blocked. */
  blockedBy: string | undefined;
  /** Constants of the last run that were not what stands there. */
  quickly: Readonly<Record<string, string>>;
}

export interface Session {
  readonly lesson: string;
  readonly cells: LiveCell[];
  readonly state: {
    device: DeviceName;
    quick: boolean;
    using: string;
    why: string;
    busy: boolean;
    loading: boolean;
    /** The reader has ended a worker, and with it all values. */
    forgotten: boolean;
  };
  add(cell: Given): LiveCell;
  remove(cell: LiveCell): void;
  /** Has the worker load the framework before anybody asks for a cell. */
  warm(): void;
  /** Runs the cell, and before it whatever above it has not run. Resolves when it is done. */
  run(cell: LiveCell): Promise<void>;
  /** Runs all cells from the first to this one. */
  runTo(cell: LiveCell): Promise<void>;
  runAll(): Promise<void>;
  /** The reader has changed the cell. */
  touch(cell: LiveCell): void;
  /** Ends the cell that runs; values stay where the cell heeds it within a second. */
  interrupt(): void;
  /** Ends what runs and forgets all values. */
  stop(): void;
  /** Another device, or quick runs instead of whole ones: begins anew. */
  use(choice: { readonly device?: DeviceName; readonly quick?: boolean }): void;
}

/** How long a cell may take to end when it is told to. */
const PATIENCE_MS = 1000;

/** Cells that run with the others; solutions run alone. */
const inOrder = (cell: LiveCell): boolean => cell.role === 'code' || cell.role === 'hidden';

export const createSession = (lesson: string, spawn: () => Worker): Session => {
  const cells: LiveCell[] = reactive([]);
  const state = reactive({
    device: 'cpu' as DeviceName,
    quick: false,
    using: '',
    why: '',
    busy: false,
    loading: false,
    forgotten: false,
  });
  const stop =
    typeof SharedArrayBuffer === 'undefined' ? undefined : new Int32Array(new SharedArrayBuffer(4));
  let worker: Worker | undefined;
  let runs = 0;
  /** Grows when the worker ends: what was asked of an earlier one is off. */
  let life = 0;
  let last: Promise<void> = Promise.resolve();
  const waiting = new Map<number, { cell: LiveCell; done: () => void }>();

  const receive = (message: FromWorker): void => {
    if (message.kind === 'ready') {
      Object.assign(state, { using: message.device, why: message.why ?? '', loading: false });
      return;
    }
    const entry = waiting.get(message.run);
    if (entry === undefined) return;
    const { cell } = entry;
    if (message.kind === 'output') {
      show(cell, message.output);
      return;
    }
    waiting.delete(message.run);
    cell.status = message.ok ? 'done' : 'failed';
    cell.ms = message.ms;
    entry.done();
  };

  const start = (): Worker => {
    const made = spawn();
    Object.assign(state, { loading: true, forgotten: false });
    made.onmessage = ({ data }: MessageEvent<FromWorker>) => receive(data);
    made.onerror = (event) => {
      for (const { cell, done } of waiting.values()) {
        show(cell, { kind: 'error', name: 'Worker', message: event.message || 'the worker ended' });
        cell.status = 'failed';
        done();
      }
      waiting.clear();
    };
    const hello: ToWorker = {
      kind: 'start',
      lesson,
      device: state.device,
      data: new URL('/data/', location.href).href,
      quick: state.quick,
      ...(stop === undefined ? {} : { stop }),
    };
    made.postMessage(hello);
    return made;
  };

  const runOne = (cell: LiveCell): Promise<void> => {
    cell.status = 'queued';
    const born = life;
    const turn = last.then(async () => {
      if (born !== life) return;
      worker ??= start();
      cell.status = 'running';
      cell.outputs = [];
      state.busy = true;
      const run = ++runs;
      await new Promise<void>((done) => {
        waiting.set(run, { cell, done });
        const { id, role, throws, needs } = cell;
        const quick = cell.isOriginal() ? cell.quick : {};
        cell.quickly = state.quick ? quick : {};
        const request: ToWorker = {
          kind: 'run',
          run,
          id,
          source: cell.source(),
          role,
          throws,
          quick: { ...quick },
          ...(needs === undefined ? {} : { needs }),
        };
        worker!.postMessage(request);
      });
      state.busy = waiting.size > 0;
    });
    last = turn;
    return turn;
  };

  const above = (cell: LiveCell): LiveCell[] => cells.slice(0, cells.indexOf(cell)).filter(inOrder);

  /** One after another; a cell that fails keeps those below it from running. */
  const runEach = async (list: readonly LiveCell[]): Promise<void> => {
    const born = life;
    for (const cell of list) cell.status = 'queued';
    for (const [i, cell] of list.entries()) {
      await runOne(cell);
      if (born !== life) return;
      if (cell.status !== 'failed') continue;
      for (const later of list.slice(i + 1))
        Object.assign(later, { status: 'blocked', blockedBy: cell.id });
      return;
    }
  };

  return {
    lesson,
    cells,
    state,
    add(cell) {
      const made: LiveCell = {
        ...cell,
        status: 'fresh',
        outputs: undefined,
        ms: undefined,
        blockedBy: undefined,
        quickly: {},
      };
      cells.push(made);
      return cells.at(-1)!;
    },
    remove(cell) {
      const place = cells.indexOf(cell);
      if (place >= 0) cells.splice(place, 1);
    },
    warm() {
      worker ??= start();
    },
    run: (cell) => runEach([...above(cell).filter(({ status }) => UNRUN.has(status)), cell]),
    runTo: (cell) => runEach([...above(cell), cell]),
    runAll: () => runEach(cells.filter(inOrder)),
    touch(cell) {
      if (cell.status === 'done' || cell.status === 'failed') cell.status = 'stale';
    },
    interrupt() {
      life++;
      const [run] = waiting.keys();
      for (const cell of cells) if (cell.status === 'queued') cell.status = 'fresh';
      if (stop === undefined || run === undefined) {
        this.stop();
        return;
      }
      Atomics.store(stop, 0, 1);
      setTimeout(() => {
        if (waiting.has(run)) this.stop();
      }, PATIENCE_MS);
    },
    stop() {
      life++;
      state.forgotten = worker !== undefined;
      worker?.terminate();
      worker = undefined;
      last = Promise.resolve();
      for (const { done } of waiting.values()) done();
      waiting.clear();
      for (const cell of cells) cell.status = cell.status === 'running' ? 'stopped' : 'fresh';
      Object.assign(state, { busy: false, loading: false, using: '', why: '' });
    },
    use({ device = state.device, quick = state.quick }) {
      if (device === state.device && quick === state.quick) return;
      this.stop();
      Object.assign(state, { device, quick });
    },
  };
};

/** Adds an output; what is displayed again replaces what it was. */
const show = (cell: LiveCell, output: Output): void => {
  const { outputs } = cell;
  if (outputs === undefined) return;
  if (output.kind === 'display') {
    const before = outputs.findIndex((o) => o.kind === 'display' && o.id === output.id);
    if (before >= 0) {
      outputs[before] = output;
      return;
    }
  }
  outputs.push(output);
};
