/**
 * Reads a `.tg` text of any level: the first word tells which.
 *
 * Invariant: every level that has a parser is here.
 */
import type { Graph } from '../graph/graph.ts';
import { parseGraph } from '../graph/parse.ts';
import type { LoopKernel } from '../loop/loop.ts';
import { parseLoop } from '../loop/parse.ts';
import { parseProgram } from '../program/parse.ts';
import type { Program } from '../program.ts';
import { parseThread } from '../thread/parse.ts';
import type { ThreadKernel } from '../thread/thread.ts';
import { tokenize } from './lexer.ts';
import { didYouMean, errorAt } from './source.ts';

export type AnyText =
  | { readonly level: 'graph'; readonly graph: Graph }
  | { readonly level: 'loop'; readonly kernel: LoopKernel }
  | { readonly level: 'thread'; readonly kernel: ThreadKernel }
  | { readonly level: 'program'; readonly program: Program };

const BEGINNINGS = ['graph', 'kernel', 'thread', 'program'];

/**
 * What `text` describes: a graph, a loop kernel, a thread kernel or a program.
 *
 * @param file what to call the text in messages
 * @throws {ParseError} with line, column and the offending line
 *
 * @example ir.parseText('graph (%x: f32[2]) { %a = exp %x  return %a }').level;   // 'graph'
 */
export const parseText = (text: string, file = 'text'): AnyText => {
  const source = { text, file };
  const first = tokenize(source)[0];
  switch (first?.image) {
    case 'graph':
      return { level: 'graph', graph: parseGraph(text, file) };
    case 'kernel':
      return { level: 'loop', kernel: parseLoop(text, file) };
    case 'thread':
      return { level: 'thread', kernel: parseThread(text, file) };
    case 'program':
      return { level: 'program', program: parseProgram(text, file) };
    default:
      throw errorAt(
        source,
        first ?? { image: '', startOffset: 0 },
        `a text begins with ${BEGINNINGS.join(', ')}`,
        didYouMean(first?.image ?? '', BEGINNINGS),
      );
  }
};
