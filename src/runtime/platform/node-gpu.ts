/**
 * WebGPU in Node: the runtime's own, or Dawn from the optional package `webgpu`.
 *
 * Invariant: what `create` returned is held here for ever: Dawn crashes when it is collected while a device lives.
 */
import { tmpdir } from 'node:os';
import { TigonError } from '../../ir/errors.ts';
import type { Gpu } from '../webgpu/gpu-types.ts';
import type { Platform } from './platform.ts';

interface Dawn {
  create(flags: string[]): Gpu;
}

const held: Gpu[] = [];

export const openGpu: Platform['openGpu'] = async () => {
  const { navigator } = globalThis as { navigator?: { gpu?: Gpu } };
  if (navigator?.gpu !== undefined) return navigator.gpu;
  // Vulkan's loader complains on standard error when it has no folder for sockets.
  if (process.platform === 'linux') process.env['XDG_RUNTIME_DIR'] ||= tmpdir();
  const gpu = (await loadDawn()).create(dawnFlags());
  held.push(gpu);
  return gpu;
};

/** What WebGPU needs of Dawn. */
const DEFAULT_FLAGS = ['disable-dawn-features=timestamp_quantization'];

/**
 * The flags that Dawn is started with: `TIGON_WEBGPU_FLAGS` (split at semicolons) beside ours, and
 * `TIGON_WEBGPU_ADAPTER`, a part of an adapter's name. Lists of one name are joined.
 */
const dawnFlags = (): string[] => {
  const given = (process.env['TIGON_WEBGPU_FLAGS'] ?? '').split(';');
  const adapter = process.env['TIGON_WEBGPU_ADAPTER'] ?? '';
  if (adapter !== '') given.push(`adapter=${adapter}`);
  const flags = new Map<string, string[]>();
  for (const flag of [...DEFAULT_FLAGS, ...given]) {
    const [name = '', ...value] = flag.trim().split('=');
    if (name === '') continue;
    flags.set(name, [...(flags.get(name) ?? []), value.join('=')]);
  }
  return [...flags].map(([name, values]) =>
    name.endsWith('-dawn-features') ? `${name}=${values.join()}` : `${name}=${values.at(-1)}`,
  );
};

/** Its declarations would bring global names with them, so it is loaded without. */
const loadDawn = async (): Promise<Dawn> => {
  try {
    return (await import('webgpu' as string)) as Dawn;
  } catch (error) {
    const code = (error as { code?: string }).code;
    const reason = error instanceof Error ? error.message : String(error);
    if (code === 'ERR_MODULE_NOT_FOUND' && reason.includes("'webgpu'"))
      throw new TigonError(
        'device',
        'device.webgpu: Node has no WebGPU of its own, and the package webgpu is not installed',
        'npm install webgpu',
      );
    throw new TigonError(
      'device',
      `device.webgpu: the package webgpu does not load: ${reason}`,
      'webgpu 0.6.2 needs Windows, macOS, or Linux with glibc 2.34 and the libstdc++ of GCC 12 (Debian 12, Ubuntu 22.04 or later); npm install webgpu@0.6.2',
    );
  }
};

export const gpuDriverHelp = (): string => {
  switch (process.platform) {
    case 'linux':
      return "install a Vulkan driver: the one of the card's maker, or Mesa 23 or later: apt-get install mesa-vulkan-drivers libvulkan1 (on Debian 12 with -t bookworm-backports: its own Mesa is too old)";
    case 'win32':
      return 'install the current graphics driver of the card (Direct3D 12)';
    default:
      return 'WebGPU needs a graphics driver for Metal, Vulkan or Direct3D 12';
  }
};
