/**
 * Marks functions that the engine shall compile with their module, for programs in Node: V8 reads a function that is not
 * marked when its module is loaded, again when the one around it is called, and again when it is called itself. Of a
 * process that compiles a net, that is a quarter of the time.
 *
 * Invariant: a function does the same. Marked is what every compilation goes through, and nothing that says `this` or
 * waits: the mark is a function expression in parentheses, which arrows are not.
 */
import { parseAst } from 'rolldown/parseAst';

/** The compiler, without what few programs need: other devices, printers, interpreters, rare elements and shapes. */
const MARKED = /^(passes|codegen|ir)\//;
const UNMARKED = [
  /^codegen\/(gpu|wgsl|cuda|text|running|wasm\/doubles)\//,
  /^codegen\/(wasm\/(scalar64|trig|casts)|templates\/depthwise)/,
  /^passes\/(composed\/|recompute)|^ir\/text\/|verify|interpret/,
];

/** The bundler says from which file what follows is. */
const FILE = /^\/\/ src\/(.*)$/gm;

const isNode = (value) => value !== null && typeof value === 'object' && 'type' in value;

/** Nodes right below one. */
const below = (node) => Object.values(node).flat().filter(isNode);

/** Whether an arrow function means something of the function around it. */
const borrows = (node) =>
  node.type === 'ThisExpression' ||
  node.type === 'Super' ||
  node.type === 'MetaProperty' ||
  (node.type === 'Identifier' && node.name === 'arguments') ||
  below(node).some(borrows);

/** Inner ones first: what closes them comes first where they end together. */
const arrowsIn = (node) => [
  ...below(node).flatMap(arrowsIn),
  ...(node.type === 'ArrowFunctionExpression' ? [node] : []),
];

/** What is put in the place of which characters. */
const changesFor = (text, { start, end, params, expression }) => {
  const arrow = text.indexOf('=>', params.at(-1)?.end ?? start);
  const [before, after] = expression ? ['{ return (', ')})'] : ['', ')'];
  const bare = text[start] !== '(';
  return [
    { from: start, to: start, put: bare ? '(function(' : '(function' },
    { from: bare ? params[0].end : arrow, to: arrow + 2, put: bare ? `) ${before}` : before },
    { from: end, to: end, put: after },
  ];
};

/** The text with the functions of the compiler marked. */
export const compiledAtOnce = (text) => {
  const files = [...text.matchAll(FILE)];
  const isMarked = ({ start }) => {
    const file = files.findLast(({ index }) => index < start)?.[1] ?? '';
    return MARKED.test(file) && !UNMARKED.some((path) => path.test(file));
  };
  const changes = arrowsIn(parseAst(text))
    .filter((node) => isMarked(node) && !node.async && !borrows(node))
    .flatMap((node) => changesFor(text, node))
    .sort((a, b) => a.from - b.from || a.to - b.to);
  let at = 0;
  let marked = '';
  for (const { from, to, put } of changes) {
    marked += text.slice(at, from) + put;
    at = to;
  }
  return marked + text.slice(at);
};
