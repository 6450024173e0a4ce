/** `#tuner` in Node: always there. */
import type { Tuner } from './browser.ts';
import { tunerFor } from './tuner.ts';

export const tuner = (): Tuner | undefined => tunerFor;
