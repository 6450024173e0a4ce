/**
 * Opening WebGPU devices: the one place that asks for adapters.
 *
 * Invariants: nothing is loaded before the first call; what Dawn's `create` returned and every opened device are held
 * for ever (Dawn crashes when they are collected while buffers live); an adapter is opened once, until it is lost.
 */
import * as platform from '#platform';
import type { Caps } from '../../codegen/caps.ts';
import { printerLoaded } from '../../codegen/printers.ts';
import { wgslCaps } from '../../codegen/wgsl/caps.ts';
import { TigonError } from '../../ir/errors.ts';
import { sharing } from '../reopen.ts';
import { describeAdapter, findAdapters } from './adapters.ts';
import { freshCounters } from './counters.ts';
import { WebGpuDevice } from './device.ts';
import type { Gpu, GpuAdapter } from './gpu-types.ts';
import { limitsOf, wantedFeatures, wantedLimits } from './limits.ts';
import { probeSubgroups } from './probe.ts';

export interface WebGpuOptions {
  /** Which adapter, in the order of `tigon devices`. Default: 0, the fastest by the driver's own account. */
  readonly index?: number;
}

/** What only tests and benchmarks set. */
export interface OpenOptions extends WebGpuOptions {
  /** Most threads of a workgroup. */
  readonly threads?: number;
  /** Most memory for arrays; allocating more is an error. */
  readonly limitBytes?: number;
  /** Bytes of new arrays after which a collection is asked for. */
  readonly pressureBytes?: number;
  /** Memory of dead arrays that is kept for new ones. */
  readonly idleBytes?: number;
  /** Do without this optional feature. */
  readonly without?: readonly string[];
}

const PRESSURE_BYTES = 256 * 2 ** 20;
const IDLE_BYTES = 512 * 2 ** 20;

let gpu: Promise<Gpu> | undefined;
const held: WebGpuDevice[] = [];

const instance = (): Promise<Gpu> => {
  if (gpu === undefined) {
    const starting = platform.openGpu();
    gpu = starting;
    // A package that is installed later is found by the next call.
    starting.catch(() => {
      if (gpu === starting) gpu = undefined;
    });
  }
  return gpu;
};

/** All adapters, the best first; throws when there is no WebGPU at all. */
export const adapters = async (): Promise<GpuAdapter[]> => {
  const found: GpuAdapter[] = [];
  for await (const adapter of findAdapters(await instance())) found.push(adapter);
  return found;
};

const noAdapter = (): TigonError =>
  new TigonError(
    'device',
    'device.webgpu: WebGPU is here, but it finds no adapter, i.e. no driver that it can use',
    platform.gpuDriverHelp(),
  );

/** Index of the first adapter of a graphics card (or `software`, any), else what the first one is. */
export const findAdapter = async (software: boolean): Promise<number | string> => {
  const found: string[] = [];
  for await (const adapter of findAdapters(await instance())) {
    const described = describeAdapter(adapter);
    if (software || !described.software) return found.length;
    found.push(described.description);
  }
  if (found[0] === undefined) throw noAdapter();
  return found[0];
};

/** Opens a device of its own. */
export const openWebGpu = async (options: OpenOptions = {}): Promise<WebGpuDevice> => {
  const index = options.index ?? 0;
  if (!Number.isInteger(index) || index < 0)
    throw new TigonError(
      'option',
      `device.webgpu: index is ${index}, not an integer ≥ 0`,
      'leave it out for the fastest adapter; `tigon devices` lists them',
    );
  const adapter = await adapterAt(index);
  await printerLoaded('wgsl');
  const device = await open(adapter, `webgpu(${index})`, options);
  held.push(device);
  return device;
};

const adapterAt = async (index: number): Promise<GpuAdapter> => {
  let count = 0;
  for await (const adapter of findAdapters(await instance())) if (count++ === index) return adapter;
  if (count === 0) throw noAdapter();
  throw new TigonError(
    'device',
    `device.webgpu: there is no adapter ${index}: there ${count === 1 ? 'is' : 'are'} ${count}`,
    '`tigon devices` lists them',
  );
};

const open = async (
  adapter: GpuAdapter,
  name: string,
  options: OpenOptions,
): Promise<WebGpuDevice> => {
  const description = describeAdapter(adapter);
  const features = wantedFeatures(adapter).filter((f) => !options.without?.includes(f));
  let device: Awaited<ReturnType<GpuAdapter['requestDevice']>>;
  try {
    device = await adapter.requestDevice({
      label: name,
      requiredFeatures: features,
      requiredLimits: wantedLimits(adapter),
    });
  } catch (error) {
    throw new TigonError(
      'device',
      `device.webgpu: ${description.description} gives no device: ${error instanceof Error ? error.message : error}`,
      platform.gpuDriverHelp(),
    );
  }
  const counters = freshCounters();
  const limits = limitsOf(device);
  const least = features.includes('subgroups') ? (adapter.info.subgroupMinSize ?? 1) : 1;
  const threads = Math.min(
    limits.maxComputeInvocationsPerWorkgroup,
    limits.maxComputeWorkgroupSizeX,
  );
  const subgroup = await probeSubgroups(device, least, threads, counters);
  const software = description.software
    ? (await import('../../codegen/gpu/software-schedules.ts')).softwareSchedules
    : undefined;
  const caps = limited(wgslCaps(limits, subgroup, software), options.threads);
  const opened = new WebGpuDevice({
    name,
    adapter: description,
    gpu: device,
    caps,
    features: { f16: features.includes('shader-f16'), subgroups: caps.subgroup > 1 },
    counters,
    memory: {
      limitBytes: options.limitBytes ?? Number.POSITIVE_INFINITY,
      pressureBytes: options.pressureBytes ?? PRESSURE_BYTES,
      idleBytes: options.idleBytes ?? IDLE_BYTES,
    },
  });
  // What the device compiles for itself.
  await opened.engine.faults.settled();
  opened.engine.faults.raise();
  return opened;
};

const limited = (caps: Caps, threads: number | undefined): Caps =>
  threads === undefined || threads >= caps.threads
    ? caps
    : { ...caps, threads, subgroup: Math.min(caps.subgroup, threads) };

const shared = sharing<WebGpuDevice>();

/** The device of an adapter, opened on first use and again after it was lost. */
export const webgpu = (options: WebGpuOptions = {}): Promise<WebGpuDevice> =>
  shared(`${options.index ?? 0}`, () => openWebGpu(options));
