/**
 * How programs are written for people in the languages of devices. A device brings the printer of its language, or waits
 * for the one that somebody wants while it is opened: pages load no printers that they cannot use.
 *
 * Invariant: prints what the device is given, but for the names of variables.
 */
import { TigonError } from '../ir/errors.ts';
import type { Program } from '../ir/program.ts';
import type { Caps } from './caps.ts';

type Target = Caps['target'];

/** The text of each kernel, by name. */
export type Printer = (program: Program, caps: Caps) => ReadonlyMap<string, string>;

const brought = new Map<Target, Printer>();
const wanted = new Map<Target, () => Promise<Printer>>();

/** From now on, programs for `target` can be printed. */
export const bringPrinter = (target: Target, printer: Printer): void => {
  brought.set(target, printer);
};

/** Something in this program prints: whoever opens a device for `target` waits for what `load` gives. */
export const wantPrinter = (target: Target, load: () => Promise<Printer>): void => {
  wanted.set(target, load);
};

/** When the printer for `target` is here, if one is wanted. */
export const printerLoaded = async (target: Target): Promise<void> => {
  const load = wanted.get(target);
  if (load !== undefined && !brought.has(target)) bringPrinter(target, await load());
};

/** The printer that came with the device. */
export const printerFor = (target: Target): Printer => {
  const printer = brought.get(target);
  if (printer !== undefined) return printer;
  throw new TigonError(
    'option',
    `explain: nothing here prints ${target}: the device was opened before \`explain\` was loaded`,
    "import { explain } from 'tigon' (or tigon/d2l) before the device is opened",
  );
};
