/**
 * Which files of this repository a page consists of: where to look when a page has grown.
 *
 * Invariant: every character of a script is counted for one file, the one that its source map names.
 */
import { gzipSync } from 'node:zlib';
import { loadedScripts } from './pages.mjs';

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** The numbers of a segment of a source map. */
const decode = (segment) => {
  const numbers = [];
  let value = 0;
  let shift = 0;
  for (const letter of segment) {
    const digit = DIGITS.indexOf(letter);
    value |= (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    numbers.push(value & 1 ? -(value >> 1) : value >> 1);
    value = 0;
    shift = 0;
  }
  return numbers;
};

/** Pieces of the script in order, each with the file that it is from. */
const piecesOf = ({ code, map }) => {
  let source = 0;
  const lines = code.split('\n');
  return map.mappings.split(';').flatMap((line, row) => {
    let column = 0;
    const starts =
      line === ''
        ? []
        : line.split(',').map((segment) => {
            const [columns, sources = 0] = decode(segment);
            column += columns;
            source += sources;
            return { at: column, path: nameOf(map.sources[source]) };
          });
    return [{ at: 0, path: starts[0]?.path ?? '' }, ...starts].map(({ at, path }, i) => ({
      path,
      text: lines[row].slice(at, starts[i]?.at),
    }));
  });
};

const nameOf = (source) => source?.match(/(?:src|node_modules)\/.*/)?.[0] ?? source ?? '';

const zipped = (text) => gzipSync(text, { level: 9 }).length;

/** Bytes by file: minified, and by how much the compressed page shrinks without them. */
export const weighModules = async (page, folder) => {
  const rows = new Map();
  for (const script of await loadedScripts(page, folder, true)) {
    const pieces = piecesOf(script);
    const whole = zipped(script.code);
    for (const path of new Set(pieces.map((piece) => piece.path))) {
      const rest = pieces
        .filter((piece) => piece.path !== path)
        .map(({ text }) => text)
        .join('');
      const { minified, gzip } = rows.get(path) ?? { minified: 0, gzip: 0 };
      rows.set(path, {
        minified: minified + script.code.length - rest.length,
        gzip: gzip + whole - zipped(rest),
      });
    }
  }
  return [...rows].map(([path, bytes]) => ({ path, ...bytes }));
};
