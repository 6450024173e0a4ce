/**
 * What peers written for pages miss in Node: workers made from blobs.
 *
 * Invariant: a blob of text is known by its text, because a worker has to be started at once; workers do not keep the
 * process alive.
 */
import { Worker as NodeWorker } from 'node:worker_threads';

/** Text by the address that was made for it. */
const texts = new Map<string, string>();
const PlainBlob = globalThis.Blob;
const addressOf = URL.createObjectURL.bind(URL);

/** A blob that knows its text at once. */
export class TextBlob extends PlainBlob {
  readonly content: string;
  constructor(parts: readonly BlobPart[] = [], options?: BlobPropertyBag) {
    super(parts as BlobPart[], options);
    this.content = parts.every((p) => typeof p === 'string') ? parts.join('') : '';
  }
}

/** Lets addresses of blobs made from now on be looked up. */
export const rememberBlobs = (): void => {
  globalThis.Blob = TextBlob as typeof Blob;
  URL.createObjectURL = (blob) => {
    const address = addressOf(blob as Blob);
    if (blob instanceof TextBlob) texts.set(address, blob.content);
    return address;
  };
};

/** The text behind an address. */
export const textAt = (address: string): string => {
  const text = texts.get(address);
  if (text === undefined) throw new Error(`no text was put at ${address}`);
  return text;
};

/** What a worker's script finds in a page. */
const PAGE_NAMES = `
const { parentPort } = require('node:worker_threads');
globalThis.self = globalThis;
globalThis.postMessage = (message) => parentPort.postMessage(message);
parentPort.on('message', (data) => globalThis.onmessage?.({ data }));
`;

/** A worker with the face that it has in a page. */
export class PageWorker {
  onmessage: ((event: { data: unknown }) => void) | undefined;
  onerror: ((event: { message: string }) => void) | undefined;
  readonly #worker: NodeWorker;

  constructor(address: string | URL) {
    this.#worker = new NodeWorker(`${PAGE_NAMES}\n${textAt(String(address))}`, { eval: true });
    this.#worker.unref();
    this.#worker.on('message', (data) => this.onmessage?.({ data }));
    this.#worker.on('error', ({ message }) => this.onerror?.({ message }));
  }

  postMessage(message: unknown): void {
    this.#worker.postMessage(message);
  }

  terminate(): void {
    void this.#worker.terminate();
  }
}
