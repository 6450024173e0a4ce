/**
 * Cells: pieces of one TypeScript program that run one after the other, in Node and in pages.
 *
 * Invariant: all that others use of this folder.
 */
export { type CompiledCell, type CompileOptions, compileCell, type Piece } from './compile.ts';
export { CellError } from './failure.ts';
export { addressOf, lineIn, ownFrames, readable } from './frames.ts';
export { Interrupted, runCell, type Surrounding } from './run.ts';
export { createScope, type Scope } from './scope.ts';
export type { Kind } from './scopes.ts';
