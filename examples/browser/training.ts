/**
 * One training run, from the request to the accuracy on test images.
 *
 * Invariant: knows no page and no thread: it takes a request and tells reports. The device is only waited for where
 * there is something to tell.
 */

import { DataLoader } from 'tigon/data';
import { Accuracy } from 'tigon/metric';
import { device } from 'tigon/web';
import { digitsOf, type Images } from './digits.ts';
import { type LeNet, prepare } from './lenet.ts';
import type { DeviceChoice, Report, Request } from './run.ts';
import { turn } from './turn.ts';

const SEED = 1;
const TEST_IMAGES = 2000;
const TEST_BATCH = 250;
/** Time between two points of the curve, milliseconds. */
const REPORT_MS = 150;

export interface Control {
  report(what: Report): void;
  stopped(): boolean;
}

/** Trains as asked; never rejects. */
export const train = async (request: Request, control: Control): Promise<void> => {
  const { warn } = console;
  // What Tigon warns of belongs in the page's log, too: one thread instead of many, no adapter, no data.
  console.warn = (...words: unknown[]) => {
    warn(...words);
    control.report({ kind: 'log', text: words.join(' '), important: true });
  };
  try {
    await run(request, control);
    control.report({ kind: 'done', stopped: control.stopped() });
  } catch (error) {
    control.report({
      kind: 'failed',
      message: error instanceof Error ? error.message : `${error}`,
    });
  } finally {
    console.warn = warn;
  }
};

const open = (choice: DeviceChoice): Promise<device.Device> => {
  switch (choice) {
    case 'best':
      return device.best();
    case 'cpu':
      return device.cpu();
    case 'webgpu':
      return device.webgpu();
    default:
      return choice satisfies never;
  }
};

const run = async (request: Request, { report, stopped }: Control): Promise<void> => {
  const { mode, batchSize, epochs, patience } = request;
  const digits = await digitsOf(request.data, report);
  const images = digits.train.take(request.images);
  report({ kind: 'log', text: `${images.length} images: ${digits.origin}` });

  const chosen = await open(request.device);
  device.setDefault(chosen);
  const loader = new DataLoader(images, {
    batchSize,
    shuffle: true,
    seed: SEED,
    lastBatch: 'discard',
  });
  report({ kind: 'started', device: nameOf(chosen), steps: epochs * loader.length });

  const { net, step } = prepare(mode);
  const accuracy = new Accuracy();
  let steps = 0;
  let since = { time: performance.now(), steps: 0 };
  let turned = since.time;
  // A device takes steps long before it has computed them: how many to hand it until the next look.
  let ahead = 1;
  for (let epoch = 1; epoch <= epochs; epoch++) {
    for await (const [x, y] of loader) {
      const [loss, out] = step(x, y);
      accuracy.update(y, out);
      steps++;
      if (steps - since.steps >= ahead || steps === epochs * loader.length) {
        const [value, [, share]] = [await loss.item(), await accuracy.get()];
        accuracy.reset();
        const now = performance.now();
        const ms = (now - since.time) / (steps - since.steps);
        // the first step says how long compiling takes, not how fast training is
        if (steps === 1) report({ kind: 'compiled', ms });
        else ahead = Math.max(1, Math.min(2 * ahead, Math.round(REPORT_MS / ms)));
        const speed = steps === 1 ? undefined : 1000 / ms;
        report({ kind: 'progress', step: steps, loss: value, accuracy: share, speed });
        since = { time: now, steps };
      }
      if (performance.now() - turned >= patience) {
        await turn();
        turned = performance.now();
        if (stopped()) return;
      }
    }
    report({ kind: 'tested', epoch, accuracy: await evaluate(net, digits.test) });
    since = { time: performance.now(), steps };
  }
};

const nameOf = (chosen: device.Device): string => {
  if ('adapter' in chosen) {
    const { description } = (chosen as device.WebGpuDevice).adapter;
    return `${chosen.name}: ${description}`;
  }
  const threads = 'threads' in chosen ? Number(chosen.threads) : 1;
  return `${chosen.name}, ${threads === 1 ? 'one thread' : `${threads} threads`}`;
};

const evaluate = async (net: LeNet, test: Images): Promise<number> => {
  const accuracy = new Accuracy();
  const loader = new DataLoader(test.take(TEST_IMAGES), { batchSize: TEST_BATCH });
  for await (const [x, y] of loader) accuracy.update(y, net(x));
  return (await accuracy.get())[1];
};
