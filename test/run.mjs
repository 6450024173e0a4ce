/**
 * Entry of `npm test`: makes a clean clone testable, then hands over to the TypeScript runner.
 *
 * Invariant: plain JavaScript with Node's own modules only, because nothing is installed yet when it starts.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = (command, args, options = {}) => {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) console.error(`cannot start ${command}: ${error.message}`);
  return error ? 1 : (status ?? 1);
};

if (!existsSync(`${root}/node_modules/.package-lock.json`)) {
  console.log('node_modules is missing: running npm ci');
  const status = run('npm', ['ci', '--no-audit', '--no-fund'], {
    shell: process.platform === 'win32',
  });
  if (status !== 0) process.exit(status);
}
process.exit(
  run(process.execPath, [
    '--conditions=tigon-source',
    '--import',
    './test/source/register.mjs',
    'test/run.ts',
    ...process.argv.slice(2),
  ]),
);
