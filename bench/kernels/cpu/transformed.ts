/**
 * Errors of convolutions from transformed tiles beside those of sums, against float64, over random problems.
 *
 * Invariant: the same numbers for every schedule; the greatest error is a share of the sum of |x| |w|, the root of the
 * mean square one of that of the results.
 * Run: `node --conditions=tigon-source --import tsx bench/kernels/cpu/transformed.ts`
 */
import type { Caps } from '../../../src/codegen/caps.ts';
import { cleanup } from '../../../src/codegen/cleanup.ts';
import { type ImagePlan, planConvolution } from '../../../src/codegen/templates/convolution.ts';
import { type Geometry, geometryOf } from '../../../src/codegen/templates/convolution-geometry.ts';
import { gradientOf, planGradient } from '../../../src/codegen/templates/gradient.ts';
import { shiftsOf } from '../../../src/codegen/templates/shifted-geometry.ts';
import { planWinograd } from '../../../src/codegen/templates/winograd.ts';
import { planWinogradGradient } from '../../../src/codegen/templates/winograd-gradient.ts';
import { planSpread } from '../../../src/codegen/templates/winograd-spread.ts';
import { wasmCaps } from '../../../src/codegen/wasm/caps.ts';
import { hasRelaxedSimd } from '../../../src/runtime/cpu/features.ts';
import {
  conv,
  convGradInput,
  convGradWeight,
  type Made,
} from '../../../test/codegen/templates/made.ts';
import { elementsOf, evaluate, kernelOf } from '../../../test/codegen/templates/nests.ts';
import { runKernel } from '../../../test/support/wasm.ts';

const CHANNELS = [16, 64, 256];

/** Numbers between 0 and 1, the same in every run. */
const uniform = ((): (() => number) => {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
})();
const normal = (): number =>
  Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
const INPUTS: readonly (() => number)[] = [
  normal,
  () => 2 * uniform() - 1,
  () => Math.max(0, normal()),
];

type Plan = (made: Made, device: Caps) => ImagePlan | undefined;

interface Row {
  readonly name: string;
  readonly problem: (channels: number) => Made;
  readonly plan: Plan;
}

const geometry = (made: Made): Geometry => geometryOf(made.nest.contract!)!;
const tiles =
  (size: 2 | 4): Plan =>
  (made, device) =>
    planWinograd(made.nest, shiftsOf(geometry(made))!, device, 1, [size])[0];
const straight: Plan = (made, device) => planConvolution(made.nest, geometry(made), device, 1)[0];
const fromInput: Plan = (made, device) =>
  planSpread(made.nest, shiftsOf(geometry(made))!, device, 1)[0];
const gradient =
  (plan: typeof planGradient): Plan =>
  (made, device) =>
    plan(made.nest, gradientOf(made.nest.contract!)!, device, 1)[0];
const forward =
  (side: number) =>
  (channels: number): Made =>
    conv(1, channels, 8, 8, 8, side, { pad: (side - 1) / 2 });
const input =
  (side: number) =>
  (channels: number): Made =>
    convGradInput(2, 8, 6, 6, channels, side);
const weight =
  (side: number) =>
  (channels: number): Made =>
    convGradWeight(channels / 8, 12, 10, 10, 12, side, (side - 1) / 2);

const rows: readonly Row[] = [
  { name: '3 x 3, straight', problem: forward(3), plan: straight },
  { name: '3 x 3, tiles of 2 x 2', problem: forward(3), plan: tiles(2) },
  { name: '3 x 3, tiles of 4 x 4', problem: forward(3), plan: tiles(4) },
  { name: '5 x 5, straight', problem: forward(5), plan: straight },
  { name: '5 x 5, tiles of 2 x 2', problem: forward(5), plan: tiles(2) },
  { name: 'input of 3 x 3, straight', problem: input(3), plan: straight },
  { name: 'input of 3 x 3, tiles', problem: input(3), plan: fromInput },
  { name: 'input of 5 x 5, straight', problem: input(5), plan: straight },
  { name: 'input of 5 x 5, tiles', problem: input(5), plan: fromInput },
  { name: 'weight of 3 x 3, straight', problem: weight(3), plan: gradient(planGradient) },
  { name: 'weight of 3 x 3, tiles', problem: weight(3), plan: gradient(planWinogradGradient) },
  { name: 'weight of 5 x 5, straight', problem: weight(5), plan: gradient(planGradient) },
  { name: 'weight of 5 x 5, tiles', problem: weight(5), plan: gradient(planWinogradGradient) },
];

interface Errors {
  readonly greatest: number;
  readonly meanSquare: number;
}

const errorsOf = (
  { nest, buffers }: Made,
  plan: ImagePlan,
  x: () => number,
  device: Caps,
): Errors => {
  const out = nest.stores[0]!.buffer;
  const memory = new Map(
    buffers.map((b, i) => {
      const value = b.name === 'bias' ? () => 0 : i === 0 ? x : normal;
      return [b, Float64Array.from({ length: elementsOf(b) }, () => Math.fround(value()))];
    }),
  );
  const want = evaluate([nest], memory).get(out)!;
  const sizes = new Map([...memory].map(([b, values]) => [b, values.map(Math.abs)]));
  const all = evaluate([nest], sizes).get(out)!;
  const kernel = cleanup(kernelOf(plan.plan, buffers, new Set([out])));
  const bytes = buffers.map((b) => new Uint8Array(Float32Array.from(memory.get(b)!).buffer));
  const after = runKernel(kernel, device, bytes)[buffers.indexOf(out)]!;
  const got = new Float32Array(after.slice().buffer);
  const errors = want.map((w, i) => Math.abs(w - got[i]!));
  const square = (values: Float64Array): number => values.reduce((sum, v) => sum + v * v, 0);
  return {
    greatest: errors.reduce((most, e, i) => Math.max(most, e / all[i]!), 0),
    meanSquare: Math.sqrt(square(errors) / square(want)),
  };
};

const devices = [wasmCaps(false), ...(hasRelaxedSimd() ? [wasmCaps(true)] : [])];
console.log(`${''.padEnd(28)}greatest  mean square`);
for (const { name, problem, plan } of rows) {
  const found = devices.flatMap((device) =>
    CHANNELS.flatMap((channels) =>
      INPUTS.map((x): Errors => {
        const made = problem(channels);
        const planned = plan(made, device);
        if (planned === undefined) throw new Error(`${name}: no such schedule`);
        return errorsOf(made, planned, x, device);
      }),
    ),
  );
  const worst = (key: keyof Errors): string =>
    Math.max(...found.map((e) => e[key])).toExponential(1);
  console.log(`${name.padEnd(28)}${worst('greatest').padEnd(10)}${worst('meanSquare')}`);
}
