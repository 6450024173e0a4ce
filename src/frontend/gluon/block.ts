/**
 * Blocks: callable layers and models. A HybridBlock can also run as one compiled program.
 *
 * Invariant: both kinds are had from here alone.
 */
export { setPrecision } from './block-state.ts';
export {
  type CompileOptions,
  compilationOf,
  HybridBlock,
  type InputSpec,
} from './hybrid-block.ts';
export { Block } from './plain-block.ts';
export type { ForwardHook, ForwardPreHook, HookHandle, OpHook } from './surround.ts';
