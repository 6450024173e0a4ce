/** `#kept` in browsers: pages keep compiled programs if they open the cache (`tigon/cache`), and do not carry it otherwise. */

import { chosenKeeper } from './holder.ts';
import type * as node from './node.ts';

export const keeper: typeof node.keeper = chosenKeeper;
