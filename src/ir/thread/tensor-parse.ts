/**
 * Reads products on matrix units, their fragments, and copies past registers from their syntax.
 *
 * Invariant: as in parse.ts: names mean something, expressions have the types that the statements want.
 */
import { bytesOf, shortName } from '../dtype.ts';
import type { Place } from '../text/source.ts';
import type { ExprSyntax, Name } from '../text/syntax.ts';
import type { StmtSyntax } from './grammar.ts';
import { inputNames } from './print.ts';
import type { MmaInputs, TensorStmt } from './tensor.ts';
import type { Register, RegType, TExpr, ThreadBuffer } from './thread.ts';

/** What the reader of a kernel knows and does. */
export interface TensorReader {
  register(name: Name): Register;
  define(name: Name, type: RegType): Register;
  expr(s: ExprSyntax, type: RegType): TExpr;
  /** An element that is named, not read. */
  place(s: ExprSyntax): {
    readonly buffer: ThreadBuffer;
    readonly index: TExpr;
    readonly elements: number;
  };
  error(place: Place, brief: string, help?: string): Error;
}

const FLOAT: RegType = { elem: 'f32', lanes: 1 };
const BOOL: RegType = { elem: 'bool', lanes: 1 };
const WORD: RegType = { elem: 'u32', lanes: 1 };
const FOUR_WORDS: RegType = { elem: 'u32', lanes: 4 };

const inputsOf: ReadonlyMap<string, MmaInputs> = new Map(
  (Object.keys(inputNames) as MmaInputs[]).map((inputs) => [inputNames[inputs], inputs]),
);

export const readTensor = (
  s: StmtSyntax & { readonly kind: 'mma' | 'fragments' | 'copy' },
  reader: TensorReader,
): TensorStmt => {
  switch (s.kind) {
    case 'mma': {
      const { value } = s;
      const inputs = value.kind === 'call' ? inputsOf.get(value.name.text) : undefined;
      if (value.kind !== 'call' || inputs === undefined || value.args.length !== 3)
        throw reader.error(
          value.token,
          'mma adds a product of fragments',
          `it is written mma x += ${[...inputsOf.keys()].join(' or ')}(a, b0, b1)`,
        );
      const accumulator = reader.register(s.name);
      const [a, b0, b1] = value.args as readonly [ExprSyntax, ExprSyntax, ExprSyntax];
      const b = [reader.expr(b0, WORD), reader.expr(b1, WORD)] as const;
      return { kind: 'mma', inputs, accumulator, a: reader.expr(a, FOUR_WORDS), b };
    }
    case 'fragments': {
      const { buffer, index } = reader.place(s.value);
      const register = reader.define(s.name, FOUR_WORDS);
      return { kind: 'fragments', register, buffer, index, transposed: s.transposed };
    }
    case 'copy': {
      const { buffer: to, index, elements } = reader.place(s.to);
      const { buffer: from, index: at } = reader.place(s.from);
      const when: TExpr =
        s.when === undefined ? { kind: 'const', type: BOOL, value: 1 } : reader.expr(s.when, BOOL);
      return { kind: 'copy', to, index, from, at, elements, when };
    }
    default:
      return s satisfies never;
  }
};

/** Words of one or two floats, by what makes them. */
const wordsOf: ReadonlyMap<string, { of: (TExpr & { kind: 'bits' })['of']; count: number }> =
  new Map(
    (['float32', 'float16', 'bfloat16'] as const).map((of) => [
      `bits_${shortName(of)}`,
      { of, count: 4 / bytesOf(of) },
    ]),
  );

/** The names of what makes words. */
export const WORDS: readonly string[] = [...wordsOf.keys()];

/** The word that a call makes, if it makes one; `arity` checks how many operands there are. */
export const readWord = (
  name: string,
  args: readonly ExprSyntax[],
  reader: TensorReader,
  arity: (n: number) => void,
): TExpr | undefined => {
  const word = wordsOf.get(name);
  if (word === undefined) return undefined;
  arity(word.count);
  const parts = args.map((x) => reader.expr(x, FLOAT));
  return { kind: 'bits', type: WORD, of: word.of, args: parts };
};
