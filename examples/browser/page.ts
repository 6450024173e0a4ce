/**
 * The page: what is chosen, what is running, what came out.
 *
 * Invariant: everything shown about a run comes from its reports; one run at a time.
 */
import { whyNoWebGpu } from './adapters.ts';
import { Chart, type Curve } from './chart.ts';
import type { DataChoice, DeviceChoice, Mode, Report, Request } from './run.ts';
import { type Place, type Session, start } from './session.ts';

const element = <E extends HTMLElement>(id: string): E => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no element "${id}"`);
  return found as E;
};

const form = element<HTMLFormElement>('setup');
const fields = element<HTMLFieldSetElement>('fields');
const begin = element<HTMLButtonElement>('start');
const end = element<HTMLButtonElement>('stop');
const files = element<HTMLInputElement>('files');
const progress = element<HTMLProgressElement>('progress');
const status = element('status');
const log = element<HTMLOListElement>('log');
const rows = element<HTMLTableSectionElement>('runs');
const chart = new Chart(element('chart'));
const curves: Curve[] = [];

/** Shortest time between two turns of other tasks where training shares the page's thread: about two frames. */
const PATIENCE: Readonly<Record<Place, number>> = { worker: 100, main: 30 };
const MODES: Readonly<Record<Mode, string>> = {
  imperative: 'imperative',
  net: 'net compiled',
  step: 'step compiled',
};
const DEVICES: Readonly<Record<DeviceChoice, string>> = {
  best: 'best',
  cpu: 'CPU',
  webgpu: 'WebGPU',
};

const say = (text: string, kind: 'plain' | 'important' | 'error' = 'plain'): void => {
  const line = document.createElement('li');
  const time = document.createElement('time');
  time.textContent = new Date().toLocaleTimeString();
  line.className = kind;
  line.append(time, ` ${text}`);
  log.append(line);
  log.scrollTop = log.scrollHeight;
};

const show = (id: string, text: string): void => {
  element(id).textContent = text;
};

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const dataOf = (chosen: string): DataChoice => {
  switch (chosen) {
    case 'mnist':
    case 'drawn':
      return { kind: chosen };
    case 'files':
      return { kind: 'files', files: [...(files.files ?? [])] };
    default:
      throw new Error(`no such data: ${chosen}`);
  }
};

interface Choice {
  readonly place: Place;
  readonly request: Request;
}

const chosen = (): Choice => {
  const values = new FormData(form);
  const text = (name: string): string => `${values.get(name)}`;
  const place = text('place') as Place;
  return {
    place,
    request: {
      device: text('device') as DeviceChoice,
      mode: text('mode') as Mode,
      data: dataOf(text('data')),
      images: Number(text('images')),
      batchSize: Number(text('batch')),
      epochs: Number(text('epochs')),
      patience: PATIENCE[place],
    },
  };
};

/** A row of the table of runs, filled in as results come. */
const newRow = (cells: readonly string[]): { set(column: number, text: string): void } => {
  const row = rows.insertRow(0);
  for (const text of cells) row.insertCell().textContent = text;
  return {
    set: (column, text) => {
      row.cells[column]!.textContent = text;
    },
  };
};

let session: Session | undefined;

const setRunning = (running: boolean): void => {
  fields.disabled = running;
  begin.disabled = running;
  end.disabled = !running;
  document.body.classList.toggle('running', running);
};

const run = ({ place, request }: Choice): void => {
  const number = curves.length + 1;
  const name = `${number}. ${DEVICES[request.device]}, ${MODES[request.mode]}`;
  const curve: Curve = { label: name, steps: [], losses: [] };
  curves.push(curve);
  chart.show(curves);
  const row = newRow([
    `${number}`,
    DEVICES[request.device],
    MODES[request.mode],
    place === 'worker' ? 'worker' : 'main thread',
    '',
    '',
    '',
    '',
  ]);
  let steps = 0;
  const finish = (text: string): void => {
    session = undefined;
    setRunning(false);
    status.textContent = text;
    begin.focus();
  };
  const hear = (what: Report): void => {
    switch (what.kind) {
      case 'log':
        say(what.text, what.important ? 'important' : 'plain');
        break;
      case 'loading':
        progress.max = what.of;
        progress.value = what.done;
        status.textContent = what.what;
        break;
      case 'started':
        steps = what.steps;
        progress.max = what.steps;
        progress.value = 0;
        say(`training on ${what.device}`);
        row.set(1, what.device);
        show('device', what.device);
        status.textContent = 'compiling the first step';
        break;
      case 'compiled':
        say(`first step, compilation included: ${what.ms.toFixed(0)} ms`);
        row.set(4, `${what.ms.toFixed(0)} ms`);
        break;
      case 'progress':
        curve.steps.push(what.step);
        curve.losses.push(what.loss);
        chart.update();
        progress.value = what.step;
        show('loss', what.loss.toFixed(4));
        show('accuracy', percent(what.accuracy));
        if (what.speed !== undefined) {
          show('speed', what.speed.toFixed(1));
          row.set(5, what.speed.toFixed(1));
        }
        show('step', `${what.step} of ${steps}`);
        row.set(6, what.loss.toFixed(4));
        status.textContent = 'training';
        break;
      case 'tested':
        say(`epoch ${what.epoch}: ${percent(what.accuracy)} of the test images right`);
        row.set(7, percent(what.accuracy));
        show('tested', percent(what.accuracy));
        break;
      case 'done':
        finish(what.stopped ? 'stopped' : 'done');
        break;
      case 'failed':
        say(what.message, 'error');
        finish('failed');
        break;
      default:
        what satisfies never;
    }
  };
  setRunning(true);
  status.textContent = 'getting images';
  for (const id of ['loss', 'accuracy', 'speed', 'step', 'tested', 'device']) show(id, '–');
  progress.removeAttribute('value');
  // on a narrow screen it is below the form
  element('training').scrollIntoView({ block: 'nearest' });
  session = start(place, request, hear);
};

form.addEventListener('submit', (event) => {
  event.preventDefault();
  run(chosen());
});
end.addEventListener('click', () => {
  session?.stop();
  status.textContent = 'stopping';
});
form.addEventListener('change', () => {
  const { data } = chosen().request;
  files.hidden = data.kind !== 'files';
  files.required = data.kind === 'files';
});

const reason = await whyNoWebGpu();
if (reason === undefined) show('why', 'there is one here');
else {
  element<HTMLInputElement>('webgpu').disabled = true;
  show('why', reason);
}
show(
  'threads',
  crossOriginIsolated
    ? `${navigator.hardwareConcurrency} cores`
    : 'one thread: the page is served without the headers that allow shared memory',
);
say(
  `ready; WebGPU: ${reason ?? 'yes'}; cross-origin isolated: ${crossOriginIsolated ? 'yes' : 'no'}`,
);
setRunning(false);
