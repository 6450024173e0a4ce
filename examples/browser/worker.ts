/**
 * Training in a worker of its own: the page stays at sixty frames a second, and the CPU device may block.
 *
 * Invariant: one run at a time; the page sends orders, the worker sends reports.
 */
import type { Order, Report } from './run.ts';
import { train } from './training.ts';

let stopped = false;

addEventListener('message', ({ data }: MessageEvent<Order>) => {
  switch (data.kind) {
    case 'start':
      stopped = false;
      void train(data.request, {
        report: (what: Report) => postMessage(what),
        stopped: () => stopped,
      });
      break;
    case 'stop':
      stopped = true;
      break;
    default:
      data satisfies never;
  }
});
