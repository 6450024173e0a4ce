/**
 * Uploads by staging buffers against `writeBuffer`, in Node or in headless Chromium.
 *
 * Invariant: medians of interleaved rounds are printed, in milliseconds an upload. Shorter uploads than the ring takes
 * are the same in both columns, but for noise.
 * Run: `node --conditions=tigon-source --import tsx bench/kernels/gpu/uploads.ts [--chromium]`
 */
import { bundle } from '../../../test/browser/pages.ts';
import type { Posted } from '../../../test/browser/post.ts';
import { visit } from '../../../test/browser/visit.ts';
import { type Measured, measureUploads, type Row } from './uploading.ts';

const inChromium = async (): Promise<Measured> => {
  const page = '../../bench/kernels/gpu/uploads-page.ts';
  const script = await bundle(page, 'esm');
  const body = '<script type="module" src="/page.js"></script>';
  const visited = await visit({ body, script, isolated: true, webgpu: true });
  const { report, error } = visited as Posted<Measured>;
  if (report === undefined) throw new Error(error);
  return report;
};

const shown = ({ writeBuffer, staged }: Row['single']): string =>
  [writeBuffer, staged, writeBuffer / staged].map((v) => v.toFixed(2).padStart(9)).join('');

const { adapter, rows } = await (process.argv.includes('--chromium')
  ? inChromium()
  : measureUploads());
console.log(`${adapter}\n      MB   single: writeBuffer, staged, ratio   bursts: the same`);
for (const { bytes, single, burst } of rows)
  console.log((bytes / 1e6).toFixed(1).padStart(8), shown(single), ' ', shown(burst));
