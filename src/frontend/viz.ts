/**
 * Pictures of programs (`tigon/viz`): graphs as DOT text and as SVG.
 *
 * Invariant: what is drawn is what runs; nothing here is loaded by `import 'tigon'` alone.
 */
export { dotToSvg, graphDot } from '../explain/dot.ts';
export { type Report, reportOf } from '../explain/report.ts';
export { reportText, type TextOptions } from '../explain/text.ts';
export { Explanation, explain } from './explain.ts';
export { type History, historyOf } from './history.ts';
