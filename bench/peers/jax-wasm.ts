/** jax-js on WebAssembly. */
import { defaultDevice, init } from '@jax-js/jax';
import type { Contender } from '../protocol.ts';
import { subject } from './jax.ts';

await init('wasm');
defaultDevice('wasm');

export const contender: Contender = { subject };
