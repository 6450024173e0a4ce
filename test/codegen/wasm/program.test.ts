/** Program modules: valid in every form, and the same results however many threads replay them. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmCaps } from '../../../src/codegen/wasm/caps.ts';
import { nanosecondsOf } from '../../../src/codegen/wasm/pace.ts';
import { renderProgram } from '../../../src/codegen/wasm/program.ts';
import { programText } from '../../../src/codegen/wasm/wat.ts';
import { CpuDevice } from '../../../src/runtime/cpu/device.ts';
import { hasRelaxedSimd } from '../../../src/runtime/cpu/features.ts';
import { chainProgram } from '../../support/wasm.ts';

const caps = wasmCaps(false);

test('modules are valid with and without threads, shared memory, fused multiply-add', () => {
  const program = chainProgram(6, 256, 8);
  for (const threads of [1, 2, 16])
    for (const shared of [true, false])
      for (const fused of hasRelaxedSimd() ? [true, false] : [false]) {
        const module = renderProgram(program, wasmCaps(fused), {
          threads,
          shared,
          maximumPages: 65536,
        });
        assert.ok(WebAssembly.validate(module.bytes as BufferSource));
        assert.is(module.controlBytes > 0, threads > 1 && shared);
      }
});

test('the guess of a duration follows cost', () => {
  const short = chainProgram(1, 16, 1).kernels[0]!;
  const long = chainProgram(1, 4096, 64).kernels[0]!;
  assert.ok(nanosecondsOf(long) > 100 * nanosecondsOf(short));
});

test('short launches are claimed together, long ones each for itself', () => {
  const options = { threads: 2, shared: true, maximumPages: 65536 };
  const bytesOf = (steps: number, extent: number): number =>
    renderProgram(chainProgram(steps, extent, 32), caps, options).controlBytes;
  const [few, many] = [2, 9];
  assert.is(bytesOf(few, 8), bytesOf(many, 8));
  assert.ok(bytesOf(few, 4096) < bytesOf(many, 4096));
});

test('text: entries name the kernels, with the pointers they load', () => {
  const text = programText(chainProgram(2, 16, 1), caps);
  assert.match(text, /\(func \$run \(export "run"\) \(param \$args i32\) \(param \$scratch i32\)/);
  assert.match(text, /\(call \$step\b/);
  assert.match(text, /\(i32\.load offset=4 \(local\.get \$args\)\)/);
  assert.match(programText(chainProgram(2, 16, 1), caps, 2), /memory\.atomic\.wait32/);
});

test('parallel replay equals serial replay, bit for bit, with barriers between dependent launches', async () => {
  // each step reads what all workgroups of the step before wrote, in another order
  const program = chainProgram(12, 1024, 32);
  const results: Float32Array[] = [];
  for (const threads of [1, 2, 3]) {
    const device = new CpuDevice({ threads, deterministic: true });
    const executable = device.load(program);
    const bytes = 4 * 1024 * 32;
    const input = device.allocate(bytes, 'input');
    const output = device.allocate(bytes, 'output');
    const values = Float32Array.from({ length: 1024 * 32 }, (_, i) => (i % 101) / 101);
    device.write(input, 0, new Uint8Array(values.buffer));
    const from = results[0];
    // long enough for workers to come in
    for (let round = 0; round < (threads === 1 ? 1 : 40); round++) {
      executable.run([input, output], [0, 0], [0.5]);
      const got = new Float32Array((await device.read(output, 0, bytes)).buffer);
      if (from === undefined) results.push(got);
      else assert.equal(Buffer.compare(Buffer.from(got.buffer), Buffer.from(from.buffer)), 0);
      if (round % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 25));
    }
    device.dispose();
  }
});

test.run();
