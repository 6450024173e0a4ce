/** `#tuner` in Node: always there. */
import type { Tuner } from './browser.ts';
import { measuring } from './tuner.ts';

export const tuner = (): Tuner | undefined => measuring;
