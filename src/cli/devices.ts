/**
 * `tigon devices`: what can run programs on this machine.
 *
 * Invariant: names what is missing as well as what is there, and what to do about it.
 */
import * as platform from '#platform';
import { TigonError } from '../ir/errors.ts';
import { cpu } from '../runtime/cpu/device.ts';
import { showBytes } from '../runtime/holders.ts';
import type { CudaProperties, NativeCuda } from '../runtime/native/api.ts';
import { openCuda } from '../runtime/native/open.ts';
import { type AdapterReport, reportAdapter } from '../runtime/webgpu/adapters.ts';
import type { Feature } from '../runtime/webgpu/limits.ts';
import { adapters } from '../runtime/webgpu/open.ts';

/** WebGPU here: its adapters, or why there are none and what would change that. */
interface WebGpuReport {
  readonly adapters: readonly AdapterReport[];
  readonly missing: string | undefined;
  readonly help: string | undefined;
}

const lookForWebGpu = async (): Promise<WebGpuReport> => {
  try {
    const found = (await adapters()).map(reportAdapter);
    return found.length > 0
      ? { adapters: found, missing: undefined, help: undefined }
      : { adapters: [], missing: 'no adapter', help: platform.gpuDriverHelp() };
  } catch (error) {
    if (!(error instanceof TigonError)) throw error;
    const missing = error.brief.replace(/^device\.webgpu: /, '');
    return { adapters: [], missing, help: error.help };
  }
};

/** CUDA here: its driver, or what is missing and what would change that. */
type CudaReport =
  | { readonly driver: NativeCuda }
  | { readonly missing: string; readonly help: string | undefined };

const lookForCuda = async (): Promise<CudaReport> => {
  try {
    return { driver: await openCuda() };
  } catch (error) {
    if (!(error instanceof TigonError)) throw error;
    return { missing: error.brief.replace(/^device\.cuda: /, ''), help: error.help };
  }
};

export const devicesCommand = async (flags: {
  readonly json?: boolean | undefined;
}): Promise<number> => {
  const webgpu = await lookForWebGpu();
  const cuda = await lookForCuda();
  if (flags.json) {
    const { name, kind } = cpu();
    const { schedules: _, ...caps } = cpu().caps;
    const found = webgpu.adapters.map((a, i) => ({ name: `webgpu(${i})`, kind: 'webgpu', ...a }));
    const { missing, help } = webgpu;
    const absent = missing === undefined ? [] : [{ kind: 'webgpu', missing, help }];
    const all = [{ name, kind, caps }, ...found, ...absent, ...cudaEntries(cuda)];
    console.log(JSON.stringify(all, undefined, 1));
    return 0;
  }
  console.log(cpuText());
  webgpu.adapters.forEach((adapter, i) => {
    console.log(adapterText(adapter, i));
  });
  if (webgpu.missing !== undefined)
    console.log(`webgpu(): not here: ${webgpu.missing}\n  help: ${webgpu.help}`);
  console.log(
    'driver' in cuda
      ? cudaText(cuda.driver)
      : `cuda(): not here: ${cuda.missing}${cuda.help === undefined ? '' : `\n  help: ${cuda.help}`}`,
  );
  return 0;
};

const cudaEntries = (cuda: CudaReport): readonly object[] => {
  if (!('driver' in cuda)) return [{ kind: 'cuda', missing: cuda.missing, help: cuda.help }];
  const { driverVersion, compilerVersion, libraries, devices } = cuda.driver;
  return devices.map((card, i) => {
    const { name: description, ...properties } = card;
    const about = { description, driverVersion, compilerVersion, libraries, ...properties };
    return { name: `cuda(${i})`, kind: 'cuda', ...about };
  });
};

const version = (driver: number): string =>
  `${Math.floor(driver / 1000)}.${Math.floor((driver % 1000) / 10)}`;

const cudaText = ({ driverVersion, compilerVersion, libraries, devices }: NativeCuda): string =>
  `${devices.map(cardText).join('\n')}
  driver of CUDA ${version(driverVersion)} (${libraries.driver}), compiler ${compilerVersion.join('.')} (${libraries.compiler})`;

const cardText = (card: CudaProperties, index: number): string =>
  `cuda(${index}): ${card.name}, compute capability ${(card.capability / 10).toFixed(1)}, ${showBytes(card.memoryBytes)}
  ${yes(card.capability >= 80, 'products by matrix units: bfloat16 and float16, and float32 with { tf32: true }')}
  ${yes(card.memoryPools, 'memory in the order of work')}
  ${card.processors} processors, up to ${card.sharedBytesPerBlock / 1024} KiB of shared memory a block`;

const yes = (on: boolean, text: string): string => `${on ? 'yes' : 'no '}  ${text}`;

const cpuText = (): string => {
  const { name, caps } = cpu();
  return `${name}: WebAssembly
  ${yes(caps.lanes === 4, '128-bit SIMD')}
  ${yes(caps.fusedMultiplyAdd, 'fused multiply-add (relaxed SIMD)')}
  ${yes(typeof SharedArrayBuffer !== 'undefined', 'threads over shared memory')}
  workgroup memory ${caps.sharedBytes / 1024} KiB`;
};

const MEANING: Readonly<Record<Feature, { readonly is: string; readonly without: string }>> = {
  'shader-f16': {
    is: 'float16 arrays as they are',
    without:
      'float16 arrays are read two to a word. Dawn hides it on NVIDIA: TIGON_WEBGPU_FLAGS=enable-dawn-features=vulkan_enable_f16_on_nvidia',
  },
  subgroups: {
    is: 'threads exchange registers',
    without: 'threads exchange through workgroup memory',
  },
  'timestamp-query': {
    is: 'profiles of single kernels',
    without: 'profiles are of programs, by the clock',
  },
};

const adapterText = (adapter: AdapterReport, index: number): string => {
  const { limits, subgroups } = adapter;
  const features = (Object.keys(MEANING) as Feature[]).map((name) => {
    const on = adapter.features.includes(name);
    const size =
      name === 'subgroups' && subgroups !== undefined
        ? ` (${subgroups[0] === subgroups[1] ? subgroups[0] : subgroups.join(' to ')} threads)`
        : '';
    return `  ${yes(on, `${name}${size}: ${on ? MEANING[name].is : MEANING[name].without}`)}`;
  });
  return `webgpu(${index}): ${adapter.description}${adapter.software ? ', which computes on the CPU: device.best() passes it over' : ''}
${features.join('\n')}
  arrays up to ${showBytes(limits.maxBufferSize)}, ${showBytes(limits.maxStorageBufferBindingSize)} of them in a kernel, ${limits.maxStorageBuffersPerShaderStage} arrays a kernel
  workgroups of ${limits.maxComputeInvocationsPerWorkgroup} threads, workgroup memory ${limits.maxComputeWorkgroupStorageSize / 1024} KiB`;
};
