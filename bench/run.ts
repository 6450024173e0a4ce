/**
 * `npm run bench -- [names] [options]`: times rows in interleaved rounds, Tigon alone or beside its peers.
 *
 * Invariant: whatever fails is said in its row; processes and browsers are gone at the end.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Host } from './host.ts';
import { gather } from './hosts.ts';
import { Contestant, measure } from './measure.ts';
import type { Row } from './protocol.ts';
import { header, show } from './report.ts';

const HELP = `npm run bench -- [names] [options]

  names            rows to run (default: all); a prefix is enough: matmul, lenet
  --device D       cpu (default); webgpu: Tigon in Node on the adapter that device.webgpu() opens; cuda: device.cuda()
  --peers          measure peers in the same run (installs them in bench/peers)
                   cpu: jax-js, tfjs-wasm, ort-web and ort-node (ONNX Runtime), pytorch where there is a Python that has
                   it, each with one thread and with all; webgpu: jax-js and TensorFlow.js, theirs and ours in headless
                   Chromium; cuda: PyTorch, eager and torch.compile
  --only A,B       cpu: these peers only
  --python P       the Python that has PyTorch (default python3; cpu: /usr/bin/python3 is tried as well)
  --small          cuda: small sizes of the same rows, for correctness under emulation
  --hardware       give Chromium the machine's graphics card, not its software adapter
  --json FILE      also write the rows as JSON
  --rounds N       interleaved rounds (default 5)
  --seconds S      time for each subject and mode in each round (default 0.3)
  --limit S        time for one answer, compiling included (default 300)
  --threads N      threads that Tigon may use on the CPU (default: all cores)
  --help           this text

npm run bench -- kernels --device webgpu [name parts] [--json FILE] [--rounds N]
                   kernels alone, by timestamps, against ceilings measured in the same run

npm run bench -- kernels [name parts] [--json FILE] [--rounds N] [--threads N] [--processor-time]
                   cpu: what memory bounds, in caches and out of them, against a copy of as many bytes in the same rounds

npm run bench -- scaling [names] [--threads N] [--json FILE] [--rounds N] [--seconds S]
                   cpu: rows on one thread and on N (default 2), in turns, and how many times faster

npm run bench -- batches [names] [--threads N] [--json FILE] [--rounds N] [--seconds S] [--processor-time]
                   cpu: small nets at batches of 1 to 64, imperative, hybridized and as whole steps, in turns

npm run bench -- dispatch [--json FILE] [--rounds N] [--threads N]
                   cpu: what a call of a compiled function takes beyond its kernels, in microseconds

npm run bench -- first [names] [--json FILE] [--rounds N] [--threads N]
                   cpu: first calls in fresh processes that load the package as it is built: loading, making, trace and
                   compile until the program can be launched, all of the call, a second one, by the clock and by processor
                   time; trace and compile after a call operation by operation; then phases, sampled

npm run bench -- --roofline [names] [--json FILE] [--rounds N] [--seconds S] [--threads N]
                   cpu: each row against its floor: operations and bytes of its kernels at the speeds of multiply-adds
                   and copies measured in the same run; then its launches, those that lose most first.
                   --processor-time: on one thread, by the time it had of a processor: for a machine that others use`;

const deviceOf = (word: string): Row['device'] => {
  if (word === 'cpu' || word === 'webgpu' || word === 'cuda') return word;
  throw new Error(`--device ${word}: it is cpu, webgpu or cuda`);
};

const positive = (name: string, word: string): number => {
  const value = Number(word);
  if (value > 0) return value;
  throw new Error(`--${name} ${word}: it is a positive number`);
};

const write = (file: string | undefined, rows: readonly object[]): void => {
  if (file !== undefined) writeFileSync(file, `${JSON.stringify(rows, undefined, 1)}\n`);
};

/** Tigon, and the peers that can be opened. */
const openAll = async (hosts: readonly Host[], limitSeconds: number): Promise<Contestant[]> => {
  const opened: Contestant[] = [];
  try {
    for (const host of hosts) {
      try {
        opened.push(await Contestant.open(host, limitSeconds));
      } catch (error) {
        if (host === hosts[0]) throw error;
        process.stderr.write(`${host.name} is left out: ${(error as Error).message}\n`);
      }
    }
  } catch (error) {
    await Promise.all(opened.map((c) => c.close()));
    throw error;
  }
  return opened;
};

/** The clock and the threads of Tigon in this process, before there is a device. */
const onProcessorTime = async (
  isWanted: boolean,
  threads: number | '' | undefined,
): Promise<void> => {
  if (isWanted) {
    (await import('./roofline/processor-time.ts')).countProcessorTime();
    process.env['TIGON_THREADS'] = '1';
  } else if (threads) process.env['TIGON_THREADS'] = String(threads);
};

const main = async (): Promise<void> => {
  const { values: options, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      device: { type: 'string', default: 'cpu' },
      json: { type: 'string' },
      peers: { type: 'boolean', default: false },
      hardware: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '0.3' },
      limit: { type: 'string', default: '300' },
      threads: { type: 'string' },
      python: { type: 'string' },
      only: { type: 'string' },
      small: { type: 'boolean', default: false },
      roofline: { type: 'boolean', default: false },
      'processor-time': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (options.help) {
    console.log(HELP);
    return;
  }
  const device = deviceOf(options.device);
  const threads = options.threads && positive('threads', options.threads);
  const effort = {
    rounds: positive('rounds', options.rounds),
    seconds: positive('seconds', options.seconds),
    limitSeconds: positive('limit', options.limit),
  };
  if (positionals[0] === 'kernels') {
    if (device === 'cpu') {
      await onProcessorTime(options['processor-time'], threads);
      const { measureMemory } = await import('./kernels/cpu/memory.ts');
      write(options.json, measureMemory(positionals.slice(1), effort));
      return;
    }
    if (device !== 'webgpu') throw new Error('kernels: is for --device cpu or webgpu');
    const { measureKernels } = await import('./kernels/gpu/kernels.ts');
    write(options.json, await measureKernels(positionals.slice(1), effort));
    return;
  }
  if (positionals[0] === 'scaling') {
    if (device !== 'cpu') throw new Error('scaling: is for --device cpu');
    const { measureScaling } = await import('./kernels/scaling.ts');
    write(options.json, await measureScaling(positionals.slice(1), threads || 2, effort));
    return;
  }
  if (positionals[0] === 'batches') {
    if (device !== 'cpu') throw new Error('batches: is for --device cpu');
    await onProcessorTime(options['processor-time'], threads);
    const { measureBatches } = await import('./kernels/batches.ts');
    write(options.json, await measureBatches(positionals.slice(1), effort));
    return;
  }
  if (positionals[0] === 'dispatch') {
    if (device !== 'cpu') throw new Error('dispatch: is for --device cpu');
    await onProcessorTime(false, threads);
    const { measureDispatch } = await import('./kernels/dispatch.ts');
    write(options.json, await measureDispatch(effort));
    return;
  }
  if (positionals[0] === 'first') {
    if (device !== 'cpu') throw new Error('first: is for --device cpu');
    await onProcessorTime(false, threads);
    const { measureFirst } = await import('./first/first.ts');
    write(options.json, await measureFirst(positionals.slice(1), effort));
    return;
  }
  if (options.roofline) {
    if (device !== 'cpu') throw new Error('--roofline: is for --device cpu');
    await onProcessorTime(options['processor-time'], threads);
    const { roofline } = await import('./roofline/roofline.ts');
    write(options.json, await roofline(positionals, effort));
    return;
  }
  const { peers, hardware, python, small } = options;
  const field = await gather(device, {
    peers,
    only: options.only?.split(','),
    hardware,
    threads: threads || undefined,
    python,
    small,
  });
  const contestants: Contestant[] = [];
  const rows: Row[] = [];
  try {
    contestants.push(...(await openAll(field.hosts, effort.limitSeconds)));
    const known = [...new Set(contestants[0]!.offer.rows.map(([name]) => name))];
    const names = known.filter(
      (n) => positionals.length === 0 || positionals.some((p) => n.startsWith(p)),
    );
    if (names.length === 0)
      throw new Error(`no such row: ${positionals.join(', ')}; rows: ${known.join(', ')}`);
    console.log(header(contestants));
    for (const name of names) {
      const measured = await measure(name, device, contestants, effort);
      rows.push(...measured);
      console.log(show(measured));
      // what is measured is kept, whatever comes after
      write(options.json, rows);
    }
  } finally {
    await Promise.all(contestants.map((c) => c.close()));
    field.close();
  }
};

await main();
