/**
 * Opening CUDA: finds the add-on, the driver and the compiler, and says exactly what is missing and how to get it.
 *
 * Invariant: a failure leaves nothing behind, so that a driver installed later is found by the next call; a success is
 * kept, since libraries stay in the process.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { TigonError } from '../../ir/errors.ts';
import type { Addon, Opened, OpenedCompiler, Problem } from './addon.ts';
import type { NativeCuda, NativeNccl } from './api.ts';
import { openContext } from './context.ts';
import { nativeError } from './errors.ts';
import { ncclOf } from './nccl.ts';
import {
  addonPlaces,
  type Candidate,
  compilerPlaces,
  driverPlaces,
  type Environment,
  ncclPlaces,
} from './places.ts';
import {
  type Attempt,
  addonMissing,
  noCompiler,
  noDevice,
  noDriver,
  noNccl,
  unsupported,
} from './refusals.ts';

const require = createRequire(import.meta.url);

/** Folder of a package, when it is installed. */
const packageFolder = (name: string): string | undefined => {
  try {
    return dirname(require.resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
};

const target = `${process.platform}-${process.arch}`;

/** Where the add-on may lie, as Tigon is installed. */
const installedPlaces = (): readonly string[] =>
  addonPlaces(packageFolder(`@tigon/native-${target}`), packageFolder('tigon'));

const loadAddon = (places: readonly string[]): Addon => {
  const path = places.find((place) => existsSync(place));
  if (path === undefined) throw addonMissing(places, target);
  try {
    const addon = require(path) as Addon;
    addon.setErrorMaker(nativeError);
    return addon;
  } catch (error) {
    throw addonMissing(places, target, error instanceof Error ? error.message : String(error));
  }
};

/** The first candidate that opens, or why none did. */
const firstOf = async <T extends Opened>(
  candidates: AsyncIterable<Candidate>,
  open: (candidate: Candidate) => T | Problem,
): Promise<T | readonly Attempt[]> => {
  const attempts: Attempt[] = [];
  for await (const candidate of candidates) {
    const result = open(candidate);
    if (result.problem === undefined) return result;
    attempts.push({ path: candidate.path, problem: result });
    // A driver that is there and does not start is the machine's: others are not asked.
    if (result.problem === 'refuses') break;
  }
  return attempts;
};

const isOpen = <T extends Opened>(result: T | readonly Attempt[]): result is T => 'path' in result;

const openNccl = async (addon: Addon, environment: Environment): Promise<NativeNccl> => {
  const nccl = await firstOf(ncclPlaces(environment), ({ path }) => addon.openNccl(path));
  if (!isOpen(nccl)) throw noNccl(nccl);
  return ncclOf(addon, nccl);
};

/** Opens CUDA with the add-on at one of these places. */
export const openCudaFrom = async (
  places: readonly string[],
  environment: Environment,
): Promise<NativeCuda> => {
  if (process.platform !== 'linux') throw unsupported(process.platform);
  const addon = loadAddon(places);
  const driver = await firstOf(driverPlaces(environment), ({ path }) => addon.openDriver(path));
  if (!isOpen(driver)) throw noDriver(driver, environment);
  const devices = addon.devices();
  if (devices.length === 0) throw noDevice(driver.path, environment);
  const compiler = await firstOf<OpenedCompiler>(
    compilerPlaces(environment),
    ({ path, beforehand }) => addon.openCompiler(path, beforehand, driver.version),
  );
  if (!isOpen(compiler)) throw noCompiler(compiler, driver.version, environment);
  return {
    driverVersion: driver.version,
    compilerVersion: [Math.floor(compiler.version / 1000), (compiler.version % 1000) / 10],
    architectures: compiler.architectures,
    libraries: { driver: driver.path, compiler: compiler.path },
    devices,
    open: (index) => {
      if (devices[index] === undefined)
        throw new TigonError(
          'device',
          `device.cuda: there is no device ${index}: there ${devices.length === 1 ? 'is' : 'are'} ${devices.length}`,
          '`tigon devices` lists them; CUDA_VISIBLE_DEVICES decides which of them a process sees',
        );
      return openContext(addon, index);
    },
    compile: (source, name, options) => addon.compile(source, name, options),
    compileAsync: async (source, name, options) => addon.compileAsync(source, name, options),
    openNccl: () => openNccl(addon, environment),
  };
};

let opened: Promise<NativeCuda> | undefined;

/** CUDA of this machine; rejects with what is missing. */
export const openCuda = (): Promise<NativeCuda> => {
  if (opened === undefined) {
    const opening = openCudaFrom(installedPlaces(), process.env);
    opened = opening;
    opening.catch(() => {
      if (opened === opening) opened = undefined;
    });
  }
  return opened;
};
