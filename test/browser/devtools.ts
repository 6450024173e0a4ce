/**
 * Chromium's developer tools over a pipe: tabs in front and behind, life cycles of pages, a driver that dies.
 *
 * Invariant: an order that is refused rejects.
 */
import type { Browser } from './chromium.ts';

type Answer = Readonly<Record<string, unknown>>;

/** Gives an order, to the browser or to the page of a session. */
export type Send = (
  method: string,
  parameters?: Readonly<Record<string, unknown>>,
  sessionId?: string,
) => Promise<Answer>;

/** The developer tools of a browser that was opened with them. */
export const devtoolsOf = ({ devtools }: Browser): Send => {
  if (devtools === undefined) throw new Error('the browser was opened without developer tools');
  const [orders, answers] = devtools;
  const waiting = new Map<number, (answer: Answer) => void>();
  let text = '';
  answers.setEncoding('utf8').on('data', (part: string) => {
    const messages = (text + part).split('\0');
    text = messages.pop()!;
    for (const message of messages) {
      const answer = JSON.parse(message) as Answer;
      if (typeof answer['id'] === 'number') waiting.get(answer['id'])?.(answer);
    }
  });
  let last = 0;
  return async (method, parameters = {}, sessionId = undefined) => {
    const id = ++last;
    const answered = new Promise<Answer>((resolve) => {
      waiting.set(id, resolve);
    });
    orders.write(`${JSON.stringify({ id, method, params: parameters, sessionId })}\0`);
    const { error, result } = await answered;
    waiting.delete(id);
    if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result as Answer;
  };
};

export interface Page {
  /** What an expression is in the page, once it is settled. */
  evaluate<T>(expression: string): Promise<T>;
  /** Puts another tab in front of it; minimizes its window, where a browser without a screen has each page in one. */
  hide(): Promise<void>;
  show(): Promise<void>;
  setLife(state: 'active' | 'frozen'): Promise<void>;
}

interface Target {
  readonly targetId: string;
  readonly url: string;
}

/** The tab that shows `address`. */
export const pageAt = async (send: Send, address: string): Promise<Page> => {
  let target: Target | undefined;
  while (target === undefined) {
    const { targetInfos } = await send('Target.getTargets');
    target = (targetInfos as Target[]).find(({ url }) => url === address);
  }
  const { targetId } = target;
  const attached = await send('Target.attachToTarget', { targetId, flatten: true });
  const session = attached['sessionId'] as string;
  let other: unknown;
  const bring = (id: unknown): Promise<Answer> => send('Target.activateTarget', { targetId: id });
  const windowOf = async (id: unknown): Promise<unknown> =>
    (await send('Browser.getWindowForTarget', { targetId: id }))['windowId'];
  const resize = async (windowState: 'minimized' | 'normal'): Promise<void> => {
    const windowId = await windowOf(targetId);
    if (windowId !== (await windowOf(other)))
      await send('Browser.setWindowBounds', { windowId, bounds: { windowState } });
  };
  return {
    evaluate: async <T>(expression: string) => {
      const parameters = { expression, awaitPromise: true, returnByValue: true };
      const { result, exceptionDetails } = await send('Runtime.evaluate', parameters, session);
      if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
      return (result as { value: T }).value;
    },
    hide: async () => {
      other ??= (await send('Target.createTarget', { url: 'about:blank' }))['targetId'];
      await bring(other);
      await resize('minimized');
    },
    show: async () => {
      await resize('normal');
      await bring(targetId);
    },
    setLife: async (state) => void (await send('Page.setWebLifecycleState', { state }, session)),
  };
};
