/**
 * How pages answer: the server they came from gets what they computed, or the error that ended them.
 *
 * Invariant: a page posts once, whatever happens, with the warnings printed until then.
 */

export interface Posted<T> {
  readonly warnings: readonly string[];
  readonly isolated: boolean;
  readonly report?: T;
  readonly error?: string;
}

/** Runs the script of a page. */
export const post = <T>(work: () => Promise<T>): void => {
  const warnings: string[] = [];
  console.warn = (...words: unknown[]): void => void warnings.push(words.join(' '));
  const send = (result: Pick<Posted<T>, 'report' | 'error'>): Promise<unknown> => {
    const isolated = globalThis.crossOriginIsolated === true;
    const body: Posted<T> = { warnings, isolated, ...result };
    return fetch('/result', { method: 'POST', body: JSON.stringify(body) });
  };
  globalThis.onerror = (event, _source, _line, _column, error) =>
    void send({ error: error?.stack ?? String(event) });
  work().then(
    (report) => send({ report }),
    (error: unknown) =>
      send({ error: error instanceof Error ? String(error.stack) : String(error) }),
  );
};
