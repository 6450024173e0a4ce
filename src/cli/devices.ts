/**
 * `tigon devices`: what can run programs on this machine.
 *
 * Invariant: names what is missing as well as what is there.
 */
import { cpu } from '../runtime/cpu/device.ts';

export const devicesCommand = (flags: { readonly json?: boolean | undefined }): number => {
  const device = cpu();
  const { caps } = device;
  if (flags.json) {
    console.log(JSON.stringify([{ name: device.name, kind: device.kind, caps }], undefined, 1));
    return 0;
  }
  const yes = (on: boolean, text: string): string => `${on ? 'yes' : 'no '}  ${text}`;
  console.log(`${device.name}: WebAssembly
  ${yes(caps.lanes === 4, '128-bit SIMD')}
  ${yes(caps.fusedMultiplyAdd, 'fused multiply-add (relaxed SIMD)')}
  ${yes(typeof SharedArrayBuffer !== 'undefined', 'threads over shared memory')}
  workgroup memory ${caps.sharedBytes / 1024} KiB`);
  return 0;
};
