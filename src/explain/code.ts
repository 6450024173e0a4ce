/**
 * A program's kernels in the language of its target, for people.
 *
 * Invariant: what a device is given, but for the names of variables; of WebGPU's optional parts those that the caps
 * show. The CPU's language is here, as the CPU is opened without waiting; those of other devices come with them.
 */
import type { Caps } from '../codegen/caps.ts';
import { printerFor, wantPrinter } from '../codegen/printers.ts';
import { kernelText } from '../codegen/wasm/wat.ts';
import type { Program } from '../ir/program.ts';

wantPrinter('wgsl', async () => (await import('../codegen/wgsl/listing.ts')).kernelTexts);

/** The text of each kernel, by name. */
export const codeOf = (program: Program, caps: Caps): ReadonlyMap<string, string> =>
  caps.target === 'wasm'
    ? new Map(program.kernels.map((k) => [k.name, kernelText(k, caps)]))
    : printerFor(caps.target)(program, caps);
