/**
 * The rules of products on matrix units, their fragments, and copies past registers.
 *
 * Invariant: a kernel that passes has the dtypes, spaces and sizes that devices ask for; where its threads meet is checked
 * by verify.ts, alignment by the interpreter.
 */
import { bytesOf } from '../dtype.ts';
import type { LazyText } from '../lazy-text.ts';
import type { TensorStmt } from './tensor.ts';
import type { Register, RegType, TExpr, ThreadBuffer } from './thread.ts';

/** What the verifier of a kernel knows and does. */
export interface TensorVerifier {
  rule(holds: boolean, text: LazyText): void;
  /** A well-formed expression of a type. */
  typed(e: TExpr, type: RegType): void;
  buffer(b: ThreadBuffer): void;
  constantInBounds(b: ThreadBuffer, index: TExpr, lanes: number): void;
  /** A visible `var` of f32x4. */
  accumulator(r: Register): void;
  /** The device has matrix units, and the workgroup whole warps. */
  units(): void;
}

const INDEX: RegType = { elem: 'i32', lanes: 1 };
const WORD: RegType = { elem: 'u32', lanes: 1 };
const WORDS: RegType = { elem: 'u32', lanes: 4 };
const BOOL: RegType = { elem: 'bool', lanes: 1 };
const COPIES = [4, 8, 16];

export const verifyTensor = (
  s: Exclude<TensorStmt, { kind: 'commit' }>,
  v: TensorVerifier,
): void => {
  switch (s.kind) {
    case 'mma':
      v.units();
      v.accumulator(s.accumulator);
      v.typed(s.a, WORDS);
      for (const word of s.b) v.typed(word, WORD);
      return;
    case 'fragments': {
      v.units();
      v.buffer(s.buffer);
      const { dtype, space, name } = s.buffer;
      v.rule(space === 'shared', () => `${name} is not shared`);
      v.rule(
        dtype === 'float16' || dtype === 'bfloat16' || (dtype === 'float32' && !s.transposed),
        () => `${name} holds ${dtype}: rows are of 16-bit floats, or of float32 if not transposed`,
      );
      v.typed(s.index, INDEX);
      v.constantInBounds(s.buffer, s.index, 16 / bytesOf(dtype));
      const { elem, lanes } = s.register.type;
      v.rule(elem === 'u32' && lanes === 4, () => `${s.register.name} takes words: u32x4`);
      return;
    }
    case 'copy': {
      v.units();
      v.buffer(s.to);
      v.buffer(s.from);
      v.rule(s.to.space === 'shared', 'copies go to shared memory');
      v.rule(
        s.from.space === 'global' && s.from.access !== 'write',
        () => `${s.from.name} is no global memory to read`,
      );
      v.rule(
        s.to.dtype === s.from.dtype,
        () => `${s.from.name} holds ${s.from.dtype}, not ${s.to.dtype}`,
      );
      const bytes = s.elements * bytesOf(s.to.dtype);
      v.rule(COPIES.includes(bytes), () => `4, 8 or 16 bytes are copied, not ${bytes}`);
      v.typed(s.index, INDEX);
      v.typed(s.at, INDEX);
      v.typed(s.when, BOOL);
      v.constantInBounds(s.to, s.index, s.elements);
      return;
    }
    case 'wait':
      v.rule(
        Number.isInteger(s.pending) && s.pending >= 0,
        () => `${s.pending} groups cannot be left`,
      );
      return;
    default:
      s satisfies never;
  }
};
