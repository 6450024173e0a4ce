/**
 * The thread that runs the cells of a page, so that the page stays quick while a net trains.
 *
 * Invariant: loads the framework in parts, as cells import them; answers in the order it is asked.
 */
import { createKernel, type Kernel } from '../../kernel/kernel.ts';
import { loadModule } from './modules.ts';
import type { FromWorker, StartRequest, ToWorker } from './protocol.ts';

const post = (message: FromWorker): void => postMessage(message);

/** The device that was asked for, or the CPU and why. */
const chooseDevice = async (wanted: StartRequest['device']): Promise<FromWorker> => {
  const { device } = await import('tigon');
  try {
    const chosen = await device[wanted]();
    device.setDefault(chosen);
    return { kind: 'ready', device: chosen.name };
  } catch (error) {
    const chosen = device.cpu();
    device.setDefault(chosen);
    return { kind: 'ready', device: chosen.name, why: (error as Error).message };
  }
};

/** What brings loaders of data sets. */
const LOADERS: ReadonlySet<string> = new Set(['tigon/data', 'tigon/d2l']);

let kernel: Promise<Kernel> | undefined;
/** The run that outputs belong to. */
let current = 0;

const start = async ({ lesson, device, stop, data, quick }: StartRequest): Promise<Kernel> => {
  /** Loaders of data sets look at this page's own server first. */
  const modules = async (name: string): Promise<object> => {
    const module = await loadModule(name);
    if (LOADERS.has(name)) (await import('tigon/data')).dataFrom(data);
    return module;
  };
  const made = createKernel({
    lesson,
    modules,
    quick,
    post: (_, output) => post({ kind: 'output', run: current, output }),
    ...(stop === undefined ? {} : { stop }),
  });
  post(await chooseDevice(device));
  addEventListener('unhandledrejection', (event) => {
    event.preventDefault();
    made.complain(event.reason);
  });
  return made;
};

addEventListener('message', async ({ data }: MessageEvent<ToWorker>): Promise<void> => {
  if (data.kind === 'start') {
    kernel = start(data);
    return;
  }
  if (kernel === undefined) return;
  const { run, kind: _, ...cell } = data;
  const made = await kernel;
  current = run;
  const { outcome, seconds } = await made.run({ ...cell, line: 1 });
  post({ kind: 'done', run, ok: outcome !== 'failed', ms: 1000 * seconds });
});
