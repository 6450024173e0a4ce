/**
 * Why: MXNet's own tests say what people who come from it rely on; each is a row here, with our tests that hold it.
 *
 * Invariant: a row is covered by tests that exist, or skipped for a reason in words; `test/acceptance.test.ts` checks.
 */
import { firstRows } from './rows-1-65.ts';
import { lastRows } from './rows-66-129.ts';

/** One of our tests: a file, from the root of the repository, and a name as it stands in its source. */
export interface Covering {
  readonly file: string;
  readonly test: string;
}

export type Row =
  /** `note`: what is different by design, where something is. */
  | {
      readonly id: number;
      readonly name: string;
      readonly covered: readonly Covering[];
      readonly note?: string;
    }
  | { readonly id: number; readonly name: string; readonly skipped: string };

export const rows: readonly Row[] = [...firstRows, ...lastRows];
