/**
 * Files that somebody has published, wherever they can be had: a folder or a server of the user's, the cache, the
 * network.
 *
 * Invariant: what comes from the cache or the network has the right checksum; what the user put somewhere is taken as it
 * is.
 */
import * as platform from '#platform';
import { TigonError } from '../../../ir/errors.ts';
import { failure } from '../../callsite.ts';
import { fileExists, readFile } from '../../io/files.ts';
import { shown } from '../../options.ts';
import { download, type FetchOptions, fromCache, type RemoteFile, toCache } from './fetch.ts';
import { fromPageCache, toPageCache } from './page-cache.ts';

/** Where the bytes of a file came from. */
export type FileSource = 'folder' | 'cache' | 'download';

export interface PlaceOptions extends FetchOptions {
  /**
   * Folder with the files as they are published (also plain, or compressed as `.gz` or `.br`); missing ones are downloaded
   * into it. In pages: the address of such a folder. Default: a folder of the dataset's name where {@link dataFrom} says,
   * or in the folder `TIGON_DATA`, else in the user's cache.
   */
  readonly root?: string | undefined;
}

/** Files that are published together. */
export interface Publication {
  /** Of their folder in `TIGON_DATA` and in the cache. */
  readonly name: string;
  /** Addresses of folders that have them. */
  readonly mirrors: readonly string[];
}

export interface FoundFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What it is called where it was found; its ending tells a compression. */
  readonly name: string;
  readonly source: FileSource;
}

/** Thrown when a file is nowhere to be had. */
export class Unavailable extends TigonError {}

let place: string | undefined;

/**
 * Says where files of datasets are: in Node the folder that has a folder for each (as `TIGON_DATA` does), in pages the
 * address of one. Undefined: nowhere in particular. No arrays.
 *
 * @throws {ValueError} for what is no text
 *
 * @example
 * dataFrom('/data/');   // MNIST.test() of a page looks for /data/mnist/t10k-images-idx3-ubyte.gz from now on
 * dataFrom(undefined);
 */
export const dataFrom = (folder: string | undefined): void => {
  if (folder !== undefined && (typeof folder !== 'string' || folder === ''))
    throw failure('value', `dataFrom: the place is ${shown(folder)}`, 'pass a path, or an address');
  place = folder;
};

/** The names under which a user may keep a file. */
const namesOf = ({ name }: RemoteFile): readonly string[] => {
  const plain = name.replace(/\.gz$/, '');
  return [...new Set([name, plain, `${plain}.gz`, `${plain}.br`])];
};

const join = (folder: string, name: string): string =>
  platform.files === undefined
    ? `${folder.replace(/\/$/, '')}/${name}`
    : platform.files.join(folder, name);

/** The bytes at an address, if there are any. Servers that answer everything with a page have none. */
const served = async (url: string): Promise<Uint8Array<ArrayBuffer> | undefined> => {
  const response = await fetch(url).catch(() => undefined);
  if (response === undefined) return undefined;
  const isPage = response.headers.get('content-type')?.startsWith('text/html') ?? false;
  return response.ok && !isPage ? new Uint8Array(await response.arrayBuffer()) : undefined;
};

const inFolder = async (folder: string, file: RemoteFile): Promise<FoundFile | undefined> => {
  for (const name of namesOf(file)) {
    const path = join(folder, name);
    if (platform.files === undefined) {
      // pages do not undo brotli by themselves
      const bytes = name.endsWith('.br') ? undefined : await served(path);
      if (bytes !== undefined) return { bytes, name: path, source: 'folder' };
    } else if (await fileExists(path))
      return { bytes: await readFile(path), name: path, source: 'folder' };
  }
  return undefined;
};

/** The user's folder with the files of a publication. */
const folderOf = ({ name }: Publication, root: string | undefined): string | undefined => {
  const all = place ?? platform.environment('TIGON_DATA');
  return root ?? (all ? join(all, name) : undefined);
};

interface Cache {
  get(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  put(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
}

const cacheFor = ({ name }: Publication, file: RemoteFile, root: string | undefined): Cache => {
  const { files } = platform;
  if (files === undefined)
    return { get: () => fromPageCache(file), put: (bytes) => toPageCache(file, bytes) };
  const path = files.join(root ?? files.join(files.cacheFolder(), name), file.name);
  return { get: () => fromCache(path, file), put: (bytes) => toCache(path, bytes) };
};

const isOffline = (): boolean => {
  const value = platform.environment('TIGON_OFFLINE');
  return value !== undefined && value !== '' && value !== '0';
};

/**
 * The bytes of a file, as the one who has them keeps them: maybe compressed. Throws {@link Unavailable} when nobody has
 * them.
 */
export const findFile = async (
  publication: Publication,
  file: RemoteFile,
  options: PlaceOptions,
): Promise<FoundFile> => {
  const folder = folderOf(publication, options.root);
  const own = folder === undefined ? undefined : await inFolder(folder, file);
  if (own !== undefined) return own;
  const cache = cacheFor(publication, file, options.root);
  const kept = await cache.get();
  if (kept !== undefined) return { bytes: kept, name: file.name, source: 'cache' };
  if (isOffline())
    throw new Unavailable(
      'data',
      `${file.name} is not on this machine, and TIGON_OFFLINE forbids to download it`,
      'put the files in a folder and set TIGON_DATA to the folder above it',
    );
  const bytes = await download(file, publication.mirrors, options).catch((error: unknown) => {
    if (!(error instanceof TigonError)) throw error;
    throw new Unavailable(error.code, error.brief, error.help);
  });
  await cache.put(bytes);
  return { bytes, name: file.name, source: 'download' };
};
