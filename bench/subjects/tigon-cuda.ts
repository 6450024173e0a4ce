/** Tigon on a graphics card through CUDA. `TIGON_BENCH_SMALL` takes sizes that emulation can compute. */
import { device } from 'tigon';
import { cudaRows } from '../cuda/rows.ts';
import { sizesFor } from '../cuda/sizes.ts';
import type { Contender } from '../protocol.ts';
import { rowsOn } from '../tigon/rows.ts';

const small = process.env['TIGON_BENCH_SMALL'] === '1';
const gpu = await device.cuda();
device.setDefault(gpu);

export const contender: Contender = {
  subject: { ...(small ? {} : rowsOn(gpu)), ...(await cudaRows(gpu, sizesFor(small))) },
  adapter: { name: gpu.properties.name, software: small },
};
