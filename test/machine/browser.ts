/**
 * A Chromium for the tests of browsers: the one that is named or installed, else one that can be had.
 *
 * Invariant: what is there is never replaced.
 */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { aptInstall } from './apt.ts';
import { packagedChromium } from './packaged.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** Path of the browser: `CHROMIUM`, else the first of the usual names on the path. */
export const findChromium = (): string | undefined => {
  const chosen = process.env['CHROMIUM'];
  if (chosen !== undefined && chosen !== '') return chosen;
  const folders = ['/usr/bin', ...(process.env['PATH'] ?? '').split(delimiter)];
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(existsSync);
};

/** Unpacks one, or in continuous integration installs one, if none is there. */
export const provideChromium = (): string | undefined => {
  const found = findChromium() ?? packagedChromium();
  if (found !== undefined || process.env['CI'] !== 'true') return found;
  aptInstall({ packages: ['chromium'] });
  return findChromium();
};
