/**
 * Finding the files of a published dataset: the user's folder, the cache, the network.
 *
 * Invariant: a file is in the cache whole and with the right checksum or not at all; what the user's own folder holds is
 * taken as it is.
 */
import * as platform from '#platform';
import { TigonError } from '../../../ir/errors.ts';
import { joinedBytes } from '../../bytes.ts';
import { fileExists, readFile, sha256, writeFile } from '../../io/files.ts';

/** A file of a dataset. */
export interface RemoteFile {
  /** `train-images-idx3-ubyte.gz`. */
  readonly name: string;
  /** Of the file as it is published. */
  readonly sha256: string;
  readonly bytes: number;
}

/** Bytes of one file so far. */
export interface Progress {
  readonly file: string;
  readonly received: number;
  readonly total: number;
}

export interface FetchOptions {
  /** Called while files are downloaded. Default: a line on a terminal. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Used instead of the network. @internal */
  readonly fetch?: typeof fetch | undefined;
}

/** Longest wait for the next bytes of a download. */
const STALL_MS = 15_000;

const showProgress = ({ file, received, total }: Progress): void => {
  const done = received >= total;
  const mb = (n: number): string => (n / 1e6).toFixed(1);
  platform.progress(`downloading ${file}: ${mb(received)} of ${mb(total)} MB`);
  if (done) platform.progress(undefined);
};

/** The body of `url`; rejects when nothing comes for a while. */
const bodyOf = async (
  url: string,
  file: RemoteFile,
  options: FetchOptions,
): Promise<Uint8Array<ArrayBuffer>> => {
  const controller = new AbortController();
  const watch = (): ReturnType<typeof setTimeout> =>
    setTimeout(() => controller.abort(new Error(`no answer in ${STALL_MS / 1000} s`)), STALL_MS);
  let timer = watch();
  try {
    const response = await (options.fetch ?? fetch)(url, { signal: controller.signal });
    if (!response.ok || response.body === null) throw new Error(`HTTP ${response.status}`);
    const parts: Uint8Array[] = [];
    let received = 0;
    const reader = response.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      clearTimeout(timer);
      timer = watch();
      parts.push(part.value);
      received += part.value.length;
      (options.onProgress ?? showProgress)({ file: file.name, received, total: file.bytes });
    }
    return joinedBytes(parts);
  } finally {
    clearTimeout(timer);
  }
};

const why = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
};

/** Downloads `file` from the first mirror that has it whole. Throws a DataError that says what each mirror answered. */
export const download = async (
  file: RemoteFile,
  mirrors: readonly string[],
  options: FetchOptions = {},
): Promise<Uint8Array<ArrayBuffer>> => {
  const refusals: string[] = [];
  for (const mirror of mirrors) {
    const url = `${mirror}${file.name}`;
    try {
      const bytes = await bodyOf(url, file, options);
      const found = await sha256(bytes);
      if (found === file.sha256) return bytes;
      refusals.push(`${url}: ${bytes.length} bytes with sha256 ${found}, not ${file.sha256}`);
    } catch (error) {
      refusals.push(`${url}: ${why(error)}`);
    }
  }
  throw new TigonError(
    'data',
    `cannot download ${file.name}:\n  - ${refusals.join('\n  - ')}`,
    'put the files in a folder and set TIGON_DATA to it',
  );
};

/** The file from the cache if it is there undamaged. */
export const fromCache = async (
  path: string,
  file: RemoteFile,
): Promise<Uint8Array<ArrayBuffer> | undefined> => {
  if (!(await fileExists(path))) return undefined;
  const bytes = await readFile(path);
  if (bytes.length === file.bytes && (await sha256(bytes)) === file.sha256) return bytes;
  platform.warn(`tigon: ${path} is damaged; fetching it again`);
  return undefined;
};

/** Puts a file into the cache; a cache that cannot be written is no failure. */
export const toCache = async (path: string, bytes: Uint8Array): Promise<void> => {
  try {
    await writeFile(path, [bytes]);
  } catch (error) {
    platform.warn(`tigon: not kept for the next time: ${why(error)}`);
  }
};
