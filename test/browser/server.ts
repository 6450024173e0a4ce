/**
 * A web server for one page of the browser test, on this machine only.
 *
 * Invariant: it serves what is in `files` and takes one posted result.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const ISOLATING = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

export interface PageServer {
  readonly address: string;
  /** Resolves with the text that the page posts to `/result`. */
  readonly posted: Promise<string>;
  close(): void;
}

/** Serves files by path, `/` as HTML and all others as scripts; `isolated` sends the headers that allow shared memory. */
export const servePage = async (
  files: ReadonlyMap<string, string>,
  isolated: boolean,
): Promise<PageServer> => {
  let arrived: (text: string) => void;
  const posted = new Promise<string>((resolve) => {
    arrived = resolve;
  });
  const server = createServer(async (request, response) => {
    const path = request.url ?? '/';
    if (request.method === 'POST' && path === '/result') {
      let text = '';
      for await (const chunk of request.setEncoding('utf8')) text += chunk;
      response.end();
      arrived(text);
      return;
    }
    const file = files.get(path);
    const type = path === '/' ? 'text/html' : 'text/javascript';
    response.writeHead(file === undefined ? 404 : 200, {
      'content-type': type,
      ...(isolated ? ISOLATING : {}),
    });
    response.end(file);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    posted,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
};
