/**
 * Where something was measured, in a line.
 *
 * Invariant: says what the platform says of itself, and nothing where it does not tell.
 */
import * as platform from '#platform';
import type { Device } from '../../runtime/device.ts';
import { defaultDevice } from '../default-device.ts';
import { checkDevice } from '../options.ts';

interface Brand {
  readonly brand: string;
  readonly version: string;
}

const browserOf = (): string => {
  const { userAgent, userAgentData } = navigator as Navigator & {
    userAgentData?: { readonly brands: readonly Brand[] };
  };
  const brand = userAgentData?.brands.findLast(({ brand }) => !/not.?a.?brand/i.test(brand));
  if (brand !== undefined) return `${brand.brand} ${brand.version}`;
  const found = /(Firefox|Edg|Chrome)\/(\d+)/.exec(userAgent);
  if (found !== null) return `${found[1]} ${found[2]}`;
  return /Version\/([\d.]+).*Safari/.exec(userAgent)?.[1]?.replace(/^/, 'Safari ') ?? userAgent;
};

const engineOf = (): string =>
  platform.kind === 'node'
    ? `Node ${process.versions.node} (${process.platform} ${process.arch})`
    : browserOf();

/** What a device is made of, as far as devices of its kind tell. */
const partsOf = (device: Device): readonly string[] => {
  const { threads, adapter, properties } = device as Device & {
    readonly threads?: number;
    readonly adapter?: { readonly description: string; readonly software: boolean };
    readonly properties?: { readonly name: string };
  };
  return [
    ...(threads === undefined ? [] : [`${threads} ${threads === 1 ? 'thread' : 'threads'}`]),
    ...(adapter === undefined
      ? []
      : [`${adapter.description}${adapter.software ? ' (software: computed on the CPU)' : ''}`]),
    ...(properties === undefined ? [] : [properties.name]),
  ];
};

/**
 * Device, engine and number of processors, as a line to stand beside figures. No arrays.
 *
 * @throws {OptionError} for what is no device
 *
 * @example environment(device.cpu()).startsWith('cpu(), ');   // true
 */
export const environment = (on: Device = defaultDevice()): string => {
  checkDevice('environment', on);
  return [on.name, ...partsOf(on), engineOf(), `${platform.cores()} processors`].join(', ');
};
