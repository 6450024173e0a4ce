/**
 * Helpers of the frontend tests: expected errors, and where they should point.
 *
 * Invariant: `fails` demands the error's name and every given part of its message.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { device } from '../../src/index.ts';
import { TigonError } from '../../src/ir/errors.ts';

/** Whether the device of this run can be read without waiting. */
export const synchronous: boolean = device.default().kind === 'cpu';

/** A test of what looks at values before it computes: of devices that can be read without waiting alone. */
export const testAtOnce = (name: string, body: () => void | Promise<void>): void => {
  if (synchronous) test(name, body);
};

/** Asserts that `body` throws a TigonError with this code whose message holds all `parts`. */
export const fails = (body: () => unknown, code: string, ...parts: readonly string[]): void => {
  let caught: unknown;
  try {
    body();
  } catch (error) {
    caught = error;
  }
  check(caught, code, parts);
};

/** The same for promises. */
export const rejects = async (
  body: () => Promise<unknown>,
  code: string,
  ...parts: readonly string[]
): Promise<void> => {
  let caught: unknown;
  try {
    await body();
  } catch (error) {
    caught = error;
  }
  check(caught, code, parts);
};

const check = (caught: unknown, code: string, parts: readonly string[]): void => {
  if (!(caught instanceof TigonError)) throw caught ?? new Error('nothing was thrown');
  assert.is(caught.code, code, caught.message);
  for (const part of parts)
    assert.ok(caught.message.includes(part), `"${part}" is not in: ${caught.message}`);
};
