/** Tigon on WebGPU, in Node or in a page. */
import { device } from 'tigon';
import type { Contender } from '../protocol.ts';
import { encodingOn } from '../tigon/encode.ts';
import { rowsOn } from '../tigon/rows.ts';

const gpu = await device.webgpu();
device.setDefault(gpu);
const { description, software } = gpu.adapter;

export const contender: Contender = {
  subject: { ...rowsOn(gpu), ...encodingOn(gpu) },
  adapter: { name: description, software },
};
