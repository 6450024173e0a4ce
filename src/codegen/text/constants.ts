/**
 * What is known when the text is made: WGSL refuses constants that overflow or are NaN, and C++ leaves overflow undefined,
 * so none is left to them.
 *
 * Invariant: the value is the one that the interpreter of Thread IR finds.
 */
import { castTo, isExactIn, roundTo } from '../../ir/rounding.ts';
import { constantOf, operate } from '../../ir/thread/build.ts';
import { registerDType, type TExpr } from '../../ir/thread/thread.ts';

/** The expression, as a constant if its value is known. */
export const folded = (e: TExpr): TExpr => {
  const value = known(e);
  return value === undefined ? e : constantOf(value, e.type);
};

const known = (e: TExpr): number | undefined => {
  switch (e.kind) {
    case 'const':
      return e.value;
    case 'op': {
      const values = allKnown(e.args);
      if (values === undefined) return undefined;
      const result = operate(e.op, ...values.map((v, i) => constantOf(v, e.args[i]!.type)));
      return result.kind === 'const' ? result.value : undefined;
    }
    case 'cast': {
      const value = known(e.arg);
      const result = value === undefined ? undefined : castTo(e.to, value);
      return result === undefined || !isExactIn(e.to, result) ? undefined : result;
    }
    case 'fma': {
      const values = allKnown([e.a, e.b, e.c]);
      if (values === undefined) return undefined;
      const round = (x: number): number => roundTo(registerDType[e.type.elem], x);
      return round(round(values[0]! * values[1]!) + values[2]!);
    }
    case 'splat':
    case 'lane':
      return known(e.arg);
    case 'get':
    case 'load':
    case 'vec4':
    case 'shuffle':
    case 'bits':
      return undefined;
    default:
      return e satisfies never;
  }
};

const allKnown = (args: readonly TExpr[]): readonly number[] | undefined => {
  const values: number[] = [];
  for (const arg of args) {
    const value = known(arg);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
};
