/**
 * A WebGPU adapter for Node: whether there is one, and what can be done so that there is.
 *
 * Invariant: what is installed and works is used before anything is unpacked or installed; when nothing works, every
 * attempt says why.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { aptInstall } from './apt.ts';
import { hasSwiftShader, swiftShader } from './packaged.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** In a process of its own: libraries are found when a process starts, and a broken driver may end it. */
const PROBE = `
const { create } = await import('webgpu');
const gpu = create([]);
const adapter = await gpu.requestAdapter();
if (adapter === null) process.exit(3);
const { vendor, architecture, description } = adapter.info;
const device = await adapter.requestDevice();
device.destroy();
console.log(description || [vendor, architecture].join(' '));
`;

const NO_ADAPTER = 3;

export interface Adapter {
  /** What the driver calls it. */
  readonly name: string;
  /** What processes need to find it. */
  readonly env: Readonly<Record<string, string>>;
}

/** The adapter that Dawn finds in this environment, or why it finds none. */
const probe = (env: Readonly<Record<string, string>>): Adapter | string => {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', PROBE],
    { cwd: root, env: { ...process.env, ...env }, encoding: 'utf8', timeout: 60_000 },
  );
  if (status === 0) return { name: stdout.trim(), env };
  if (status === NO_ADAPTER) return 'Dawn finds no adapter';
  return stderr.match(/^\w*Error.*/m)?.[0] ?? `Dawn ended with ${signal ?? status}`;
};

/** SwiftShader, whatever else is installed; or why it is not to be had. */
export const provideSwiftShader = (env: Readonly<Record<string, string>>): Adapter | string => {
  const found = swiftShader();
  return found === undefined
    ? 'no npm package carries it for this system'
    : probe({ ...env, ...found });
};

/** lavapipe: the software driver of Mesa. Dawn refuses the one of Debian 12. */
const LAVAPIPE = { packages: ['mesa-vulkan-drivers', 'libvulkan1'], tooOld: ['bookworm'] };

/** Whether it computes on the processor, with code that takes long to compile. */
export const isLavapipe = ({ name }: Adapter): boolean => name.startsWith('llvmpipe');

/** An adapter, or why there is none. `env` goes to every attempt. */
export const provideAdapter = (env: Readonly<Record<string, string>>): Adapter | string => {
  const installed = probe(env);
  if (typeof installed !== 'string' || process.platform !== 'linux') return installed;
  // an earlier run could not install the other one
  if (hasSwiftShader()) {
    const found = provideSwiftShader(env);
    if (typeof found !== 'string') return found;
  }
  const refused = aptInstall(LAVAPIPE);
  const lavapipe = refused ?? probe(env);
  if (typeof lavapipe !== 'string') return lavapipe;
  const packaged = provideSwiftShader(env);
  if (typeof packaged !== 'string') return packaged;
  return `as it is: ${installed}; lavapipe: ${lavapipe}; SwiftShader: ${packaged}`;
};
