/**
 * The public face of the four levels: build, print, parse, verify, interpret. Loads the text parser (Chevrotain).
 *
 * Invariant: nothing on the way of `import 'tigon'` imports this file; the compiler uses the files behind it.
 */
export * from './dim.ts';
export {
  bytesOf,
  DTYPES,
  type DType,
  dtypeFromShort,
  isFloat,
  isInteger,
  isNarrowFloat,
  promote,
  shortName,
} from './dtype.ts';
export { type ErrorCode, TigonError } from './errors.ts';
export { GraphBuilder, type InputOptions } from './graph/builder.ts';
export {
  type Assign,
  type Attrs,
  type AttrValue,
  type Graph,
  type InputRole,
  type Node,
  type Op,
  type OpKind,
  topological,
  usersOf,
  type Values,
} from './graph/graph.ts';
export { type Interpreted, interpretGraph } from './graph/interpret.ts';
export { parseGraph } from './graph/parse.ts';
export { type PrintGraphOptions, printGraph } from './graph/print.ts';
export { graphOps } from './graph/registry.ts';
export { verifyGraph } from './graph/verify.ts';
export { interpretKernel, type LoopCells } from './loop/interpret.ts';
export type {
  Contraction,
  Expr,
  LoopBuffer,
  LoopKernel,
  Nest,
  ReduceOp,
  Store,
} from './loop/loop.ts';
export { parseLoop } from './loop/parse.ts';
export { printLoop } from './loop/print.ts';
export { verifyKernel } from './loop/verify.ts';
export { interpretProgram } from './program/interpret.ts';
export { parseProgram } from './program/parse.ts';
export { printProgram } from './program/print.ts';
export { type ProgramLimits, verifyProgram } from './program/verify.ts';
export {
  type BufferRole,
  type Dispatch,
  externals,
  type Program,
  type ProgramBuffer,
} from './program.ts';
export { castTo, roundTo } from './rounding.ts';
export { isScalarOp, SCALAR_OPS, type ScalarOp, scalarOps } from './scalar.ts';
export { type AnyText, parseText } from './text/any.ts';
export { type InterpretOptions, interpretThread } from './thread/interpret.ts';
export type { ThreadLimits } from './thread/limits.ts';
export type { Cells } from './thread/memory.ts';
export { parseThread } from './thread/parse.ts';
export { printThread } from './thread/print.ts';
export type {
  Elem,
  Register,
  RegType,
  TExpr,
  ThreadBuffer,
  ThreadKernel,
  TStmt,
} from './thread/thread.ts';
export { verifyThread } from './thread/verify.ts';
export { byteLength, type Shape, showType, type TensorType, tensor } from './type.ts';
