/** jax-js on WebGPU, in a page. */
import { defaultDevice, init } from '@jax-js/jax';
import type { Contender } from '../protocol.ts';
import { adapterHere } from './adapter.ts';
import { subject } from './jax.ts';

if (!(await init('webgpu')).includes('webgpu')) throw new Error('jax-js finds no WebGPU adapter');
defaultDevice('webgpu');

export const contender: Contender = { subject, adapter: await adapterHere() };
