/**
 * A training run as the page sees it, wherever it takes place.
 *
 * Invariant: `report` hears nothing after `done` or `failed`.
 */
import type { Order, Report, Request } from './run.ts';

export type Place = 'worker' | 'main';

export interface Session {
  /** Asks the run to end soon. */
  stop(): void;
}

let worker: Worker | undefined;

/** The worker stays for the next run: its programs are compiled, its device is open. */
const workerOf = (): Worker => {
  worker ??= new Worker(new URL('worker.js', document.baseURI), {
    type: 'module',
    name: 'training',
  });
  return worker;
};

const inWorker = (request: Request, report: (what: Report) => void): Session => {
  const its = workerOf();
  const send = (order: Order): void => its.postMessage(order);
  its.onmessage = ({ data }: MessageEvent<Report>) => report(data);
  its.onerror = (event) => {
    event.preventDefault();
    its.terminate();
    worker = undefined;
    report({ kind: 'failed', message: event.message ?? 'the worker could not be started' });
  };
  send({ kind: 'start', request });
  return { stop: () => send({ kind: 'stop' }) };
};

const inPage = (request: Request, report: (what: Report) => void): Session => {
  let stopped = false;
  // What a page does not run, it does not load.
  import('./training.ts').then(
    ({ train }) => train(request, { report, stopped: () => stopped }),
    (error: unknown) => report({ kind: 'failed', message: String(error) }),
  );
  return {
    stop: () => {
      stopped = true;
    },
  };
};

/** Starts a run. */
export const start = (place: Place, request: Request, report: (what: Report) => void): Session => {
  switch (place) {
    case 'worker':
      return inWorker(request, report);
    case 'main':
      return inPage(request, report);
    default:
      return place satisfies never;
  }
};
