/**
 * `bash run.sh tests DEVICE [words]`: the test files about arrays, on a device of a bare machine, several at once.
 *
 * Invariant: runs where `device:bundle` put the compiled modules; a run is green if every file registered a test and none
 * failed; the last line is `N passed, N failed`.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';

const [device, ...words] = process.argv.slice(2);
if (device === undefined) throw new Error('bash run.sh tests DEVICE [words]');
const files = ['test/differential', 'test/frontend']
  .flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`),
  )
  .filter((path) => path.endsWith('.test.js') && !path.endsWith('.once.test.js'))
  .filter((path) => words.length === 0 || words.some((word) => path.includes(word)))
  .sort();

const sum = { passed: 0, failed: 0 };
const run = (file) =>
  new Promise((resolve) => {
    const start = performance.now();
    const flags = ['--enable-source-maps', '--import', './test/support/device.js'];
    const child = spawn(process.execPath, [...flags, file], {
      env: { ...process.env, TIGON_TEST_DEVICE: device, TIGON_VERIFY: '1', NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const collect = (chunk) => {
      output += chunk;
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('close', (code) => {
      const found = [...output.matchAll(/Total:\s+(\d+)\s+Passed:\s+(\d+)/g)].at(-1);
      const [total, passed] = found === undefined ? [0, 0] : [Number(found[1]), Number(found[2])];
      const failed = Math.max(total - passed, total === 0 || code !== 0 ? 1 : 0);
      sum.passed += passed;
      sum.failed += failed;
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      console.log(
        `${failed > 0 ? 'FAIL' : 'ok  '} ${file} on ${device} ${passed}/${total} (${seconds} s)`,
      );
      if (failed > 0) console.log(output.trimEnd().replace(/^/gm, '  | '));
      resolve();
    });
  });

const queue = [...files];
const worker = async () => {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) await run(file);
};
await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, worker));
process.exitCode = sum.failed > 0 || files.length === 0 ? 1 : 0;
console.log(`\n${sum.passed} passed, ${sum.failed} failed`);
