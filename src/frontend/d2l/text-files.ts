/**
 * Texts and tables that the books teach with, as text.
 *
 * Invariant: what cannot be had is made by rule, and that is said aloud, unless the real thing is required.
 */
import * as platform from '#platform';
import type { RemoteFile } from '../gluon/data/fetch.ts';
import { unpacked } from '../gluon/data/idx.ts';
import {
  type FileSource,
  findFile,
  type PlaceOptions,
  type Publication,
  Unavailable,
} from '../gluon/data/published.ts';

export interface RealOrNot extends PlaceOptions {
  /** True: an error where the real data cannot be had, instead of a stand-in. Default false. */
  readonly required?: boolean | undefined;
}

/** Names of all options. */
export const PLACE: readonly string[] = ['root', 'onProgress', 'fetch', 'required'];

/** Where data came from; `made`: by rule, in place of the real ones. */
export type DataSource = FileSource | 'drawn' | 'made';

/** What is known of a text that is published. */
export interface TextFile {
  readonly title: string;
  readonly publication: Publication;
  readonly file: RemoteFile;
  /** Stands in for it. */
  readonly make: () => string;
}

/** What was said already: a lesson asks for the same data more than once. */
const said = new Set<string>();

/** Says that something stands in for data that cannot be had. */
export const sayStandIn = (title: string, instead: string, why: string): void => {
  if (said.has(title)) return;
  said.add(title);
  platform.warn(
    `tigon: WARNING: ${title} cannot be had; using ${instead} in its place.\n${why.replace(/^/gm, '  ')}`,
  );
};

/** A published text, or what stands in for it. Throws a DataError for the former alone when it is required. */
export const readText = async (
  { title, publication, file, make }: TextFile,
  { required = false, ...options }: RealOrNot,
): Promise<{ readonly text: string; readonly source: DataSource }> => {
  try {
    const { bytes, name, source } = await findFile(publication, file, options);
    return { text: new TextDecoder().decode(await unpacked(bytes, name)), source };
  } catch (error) {
    if (!(error instanceof Unavailable) || required) throw error;
    sayStandIn(title, 'text made by rule', error.message);
    return { text: make(), source: 'made' };
  }
};
