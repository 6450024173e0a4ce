/**
 * How much is tested where every kernel is a long compilation: a telling part, or all of it (`TIGON_TEST_WHOLE=1`).
 *
 * Invariant: a part depends on nothing but the tests themselves, so that every run tests the same.
 */
export const isWhole: boolean = process.env['TIGON_TEST_WHOLE'] === '1';
