/**
 * Columns packed by a launch of their own: what it writes, what a product reads of it, and where that is chosen.
 *
 * Operands are multiples of 1/8, so that sums of products are exact and results equal.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Around, Copies } from '../../../src/codegen/copies.ts';
import { planContraction } from '../../../src/codegen/templates/matmul.ts';
import { packOnce } from '../../../src/codegen/templates/pack-once.ts';
import { copyOf, panelsOf } from '../../../src/codegen/templates/panels.ts';
import { planPanels } from '../../../src/codegen/templates/panels-plan.ts';
import { type Made, matmul } from './made.ts';
import { caps, check, kernelWith } from './nests.ts';

const copies = (around?: Around): Copies => new Copies(() => false, around);

/** Packs the right operand, and multiplies by what was packed. */
const passes = ({ nest, buffers }: Made, parallelism: number, seed: number, what: string): void => {
  const device = caps(parallelism);
  const c = nest.contract!;
  const copy = copyOf(c.n[0]!.extent, c.k[0]!.extent, 'panels');
  const panels = panelsOf(c.b, c.n, c.k, copy)!;
  const [packing] = panels.kernel.nests;
  const packed = check(packing!, panels.kernel.buffers, device, seed, (given) => {
    return planPanels(given, device) ?? { refused: 'no panels' };
  });
  assert.is(typeof packed === 'string' ? packed : packed.error, 0, `${what}: panels`);
  const product = { ...nest, contract: { ...c, b: panels.expr } };
  const plan = planContraction(product, device);
  assert.match('refused' in plan ? plan.refused : plan.notes.join(), /packed before/, what);
  const ran = check(product, [...buffers, copy], device, seed);
  assert.is(typeof ran === 'string' ? ran : ran.error, 0, what);
};

test('panels are written, and products read them', () => {
  passes(matmul(16, 32, 20), 1, 1, 'whole tiles');
  passes(matmul(13, 24, 37, { transposeB: true }), 2, 2, 'transposed, borders of the sum');
  passes(matmul(21, 40, 700, { transposeA: true, epilogue: 'relu' }), 8, 3, 'several blocks');
  passes(matmul(10, 48, 330, { transposeB: true, epilogue: 'two' }), 1, 4, 'two rows left over');
  passes(matmul(8, 8, 64, { epilogue: 'residual' }), 2, 5, 'one panel');
});

test('columns that fill no panels, and batches of them, are packed by who multiplies', () => {
  const refused = ({ nest }: Made): boolean =>
    panelsOf(nest.contract!.b, nest.contract!.n, nest.contract!.k, copyOf(8, 64, 'panels')) ===
    undefined;
  assert.ok(refused(matmul(64, 12, 64)));
  const { nest, buffers } = matmul(64, 64, 64, { batch: 4 });
  assert.is(packOnce(kernelWith(nest, buffers), caps(8), copies()), undefined);
});

test('a launch that packs is chosen where a loop would pack again and again', () => {
  const launches = ({ nest, buffers }: Made, around?: Around): number =>
    packOnce(kernelWith(nest, buffers), caps(8), copies(around))?.length ?? 1;
  const loop = { trips: 35, still: (b: { readonly name: string }) => b.name === 'w' };
  assert.is(launches(matmul(2048, 2048, 2048, { transposeB: true })), 1);
  assert.is(launches(matmul(32, 1024, 256, { transposeB: true })), 1);
  assert.is(launches(matmul(32, 1024, 256, { transposeB: true }), loop), 2);
  assert.is(launches(matmul(16, 16, 16)), 1);
});

test.run();
