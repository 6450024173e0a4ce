/** Integers of 64 bits: every scalar op and conversion gives what BigInts give, beyond 2^53 too. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmCaps } from '../../../src/codegen/wasm/caps.ts';
import { runKernel } from '../../support/wasm.ts';
import { longCases } from '../long-cases.ts';

for (const { title, kernel, contents, want } of longCases())
  test(title, () => {
    assert.equal([...runKernel(kernel, wasmCaps(false), contents).at(-1)!], [...want]);
  });

test.run();
