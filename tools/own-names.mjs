/**
 * What people read as the names of classes, in files that esbuild has made.
 *
 * Invariant: lines stay what they are, and so does what any name stands for.
 */
import { parseAst } from 'rolldown/parseAst';

const mentions = (node, name) =>
  node !== null &&
  typeof node === 'object' &&
  ((node.type === 'Identifier' && node.name === name) ||
    Object.values(node).some((part) => mentions(part, name)));

/**
 * Classes that name themselves (`X = class _X`), or have the name of another one (`X2 = class`), are called something else
 * by esbuild, and people read what classes are called. Lines stay what they are.
 */
export const withOwnNames = (text) => {
  const own = new Set([...text.matchAll(/ = class _([A-Z]\w*)/g)].map(([, name]) => name));
  const named = text.replace(/(?<![\w.$])_([A-Z]\w*)/g, (all, name) =>
    own.has(name) ? name : all,
  );
  return named.replace(
    /^( *)((?:var )?([A-Z]\w*[A-Za-z])\d+ = )class(?= extends | \{)/gm,
    (all, indent, head, name, at) => {
      const from = at + indent.length + head.length;
      const end = named.indexOf(`\n${indent}}`, from) + indent.length + 2;
      // in it, the name would be this class
      return mentions(parseAst(`(${named.slice(from, end)})`), name)
        ? all
        : `${indent}${head}class ${name}`;
    },
  );
};
