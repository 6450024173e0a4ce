/**
 * The script of the pages: computes the report and posts it to the server it came from.
 *
 * Invariant: it posts once, whatever happens, with the warnings printed until then.
 */
import { report } from './training.ts';

export interface Posted {
  readonly warnings: readonly string[];
  readonly isolated: boolean;
  readonly report?: import('./training.ts').Report;
  readonly error?: string;
}

const warnings: string[] = [];
console.warn = (...words: unknown[]): void => void warnings.push(words.join(' '));

const post = (result: Pick<Posted, 'report' | 'error'>): Promise<unknown> => {
  const body: Posted = { warnings, isolated: globalThis.crossOriginIsolated === true, ...result };
  return fetch('/result', { method: 'POST', body: JSON.stringify(body) });
};

globalThis.onerror = (event, _source, _line, _column, error) =>
  void post({ error: error?.stack ?? String(event) });

report().then(
  (done) => post({ report: done }),
  (error: unknown) => post({ error: error instanceof Error ? String(error.stack) : String(error) }),
);
