/** Processes that use the add-on: a kernel that faults, what is left when they end, threads of JavaScript. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runScript } from '../support/processes.ts';
import { addon, environmentOf, withCompiler } from './native-fake/libraries.ts';

const OPEN = `
import { openCudaFrom } from './src/runtime/native/open.ts';
const cuda = await openCudaFrom([${JSON.stringify(addon)}], process.env);
const context = cuda.open(0);
const stream = context.stream();
const module = context.loadModule(Buffer.from('fake'));
const said = async (f) => { try { await f(); return 'nothing'; } catch (error) { return error.code + (error.fatal ? ' fatal' : ''); } };
`;

withCompiler(
  'a fault stays: every later call says so, and the process lives on and ends well',
  async () => {
    const output = await runScript(
      `${OPEN}
    const { bytes } = context.pin(64);
    const to = context.allocate(64, stream);
    context.launch(stream, context.kernel(module, 'fault').handle, [1, 1, 1], 1, 0, new Uint8Array(0));
    const event = context.event(false);
    context.record(event, stream);
    console.log(await said(() => context.eventAsync(event)));
    console.log(await said(() => context.synchronize(stream)));
    console.log(await said(() => context.synchronizeAsync(stream)));
    console.log(await said(() => context.allocate(4, stream)));
    console.log(await said(() => context.upload(stream, to, new Uint8Array(8), 8)));
    console.log(await said(() => context.loadModule(Buffer.from('fake'))));
    console.log(await said(() => context.graph([{ kind: 'fill', to, byte: 0, bytes: 4, after: [] }])));
    console.log(await said(() => context.ready(stream)));
    try { context.memoryInfo(); } catch (error) { console.log(error.message); }
    context.close();
    console.log(bytes.byteLength, 1 + 1);`,
      environmentOf(),
    );
    const lines = output.trim().split('\n');
    assert.equal(lines.slice(0, 8), Array(8).fill('CUDA_ERROR_ILLEGAL_ADDRESS fatal'));
    assert.match(
      lines[8]!,
      'an illegal memory access was encountered (CUDA_ERROR_ILLEGAL_ADDRESS)',
    );
    assert.match(lines[9]!, 'help: an earlier kernel did this');
    assert.is(lines[10], '0 2');
  },
);

/** What the stand-in says is left when a context is released. */
const leftOf = (output: string): Record<string, number> =>
  Object.fromEntries(
    [...output.matchAll(/left: (-?\d+) (\w+)/g)].map(([, count, kind]) => [kind, Number(count)]),
  );

/** Makes one of each object, and more. */
const MUCH = `
const to = context.allocate(64, stream);
context.upload(stream, to, new Uint8Array(64), 64);
context.event(true);
context.record(context.event(false), stream);
context.pin(64);
const kernel = context.kernel(module, 'add').handle;
const graph = context.graph([{ kind: 'fill', to, byte: 1, bytes: 64, after: [] }]);
const exec = context.instantiate(graph);
context.launchGraph(exec, stream);
await context.synchronizeAsync(stream);
context.free(to, stream);
`;

withCompiler('closing destroys what is left, and then lets go of the device', async () => {
  const output = await runScript(`${OPEN}${MUCH}context.trim(12); context.close();`, {
    ...environmentOf('report'),
  });
  assert.match(output, 'trim: 12\n');
  assert.equal(leftOf(output), {
    allocations: 0,
    events: 0,
    execs: 0,
    graphs: 0,
    modules: 0,
    pinned: 0,
    streams: 0,
  });
});

withCompiler('a process that closes nothing lets go of everything, too', async () => {
  const output = await runScript(`${OPEN}${MUCH}`, environmentOf('report'));
  assert.equal(new Set(Object.values(leftOf(output))), new Set([0]));
});

withCompiler('devices that can reach each other are let to, once', async () => {
  const copies = `${OPEN}
    const other = cuda.open(1);
    for (let i = 0; i < 2; i++) {
      context.copyPeer(stream, other.allocate(4, 0), other, context.allocate(4, 0), 4);
      context.synchronize(stream);
    }`;
  const output = await runScript(copies, environmentOf('two', 'report'));
  assert.equal(output.match(/access: .*/g), ['access: pool 1 from 0', 'access: pool 0 from 1']);
});

withCompiler('a process that closes nothing ends well, by itself and by process.exit', async () => {
  for (const end of [
    '',
    'process.exit(0);',
    'await context.eventAsync(context.event(false)); process.exit();',
  ])
    assert.is(await runScript(`${OPEN}${MUCH}console.log('end');${end}`, environmentOf()), 'end\n');
});

withCompiler('a process may end while somebody waits', async () => {
  const waits = `${OPEN}${MUCH}
    context.fill(stream, context.allocate(4, stream), 1, 4);
    void context.synchronizeAsync(stream);
    void cuda.compileAsync('code', 'name', []);
    process.exit(0);`;
  assert.is(await runScript(waits, environmentOf('slow')), '');
});

withCompiler('each thread of JavaScript has handles of its own, over one driver', async () => {
  const output = await runScript(
    `import { Worker } from 'node:worker_threads';
    const source = ${JSON.stringify(`
      const addon = require(${JSON.stringify(addon)});
      addon.setErrorMaker((code) => new Error(code));
      const { workerData, parentPort } = require('node:worker_threads');
      addon.openDriver(process.env.TIGON_CUDA_DRIVER);
      const context = addon.open(0);
      addon.stream(context); addon.pin(context, 64); addon.event(context, true);
      let code = 'none';
      try { addon.synchronize(context, workerData); } catch (error) { code = error.message; }
      parentPort.postMessage(code);
    `)};
    ${OPEN}
    for (let i = 0; i < 3; i++)
      console.log(await new Promise((resolve, reject) => {
        const worker = new Worker(source, { eval: true, workerData: context.stream(), execArgv: [] });
        let message;
        worker.on('message', (text) => { message = text; });
        worker.on('error', reject);
        worker.on('exit', () => resolve(message));
      }));
    context.synchronize(stream);
    console.log('end');`,
    environmentOf(),
  );
  assert.is(output, `${'CUDA_ERROR_INVALID_HANDLE\n'.repeat(3)}end\n`);
});

test.run();
