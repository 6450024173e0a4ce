/**
 * The rules of expressions of Thread IR: types, lanes, constants, and what loads read.
 *
 * Invariant: an expression that passes gives the elements and lanes that its type says, on every device.
 */
import { bytesOf } from '../dtype.ts';
import type { LazyText } from '../lazy-text.ts';
import { isExactIn } from '../rounding.ts';
import { scalarOps } from '../scalar.ts';
import {
  isFloatElem,
  isWideElem,
  type Register,
  type RegType,
  registerDType,
  registerOf,
  type TExpr,
  type ThreadBuffer,
} from './thread.ts';

/** What the verifier of a kernel knows and does. */
export interface ExpressionVerifier {
  rule(holds: boolean, text: LazyText): void;
  isVisible(r: Register): boolean;
  buffer(b: ThreadBuffer): void;
  constantInBounds(b: ThreadBuffer, index: TExpr, lanes: number): void;
  /** A well-formed expression. */
  expression(e: TExpr): void;
  /** A well-formed expression of a type. */
  typed(e: TExpr, type: RegType): void;
}

export const INDEX: RegType = { elem: 'i32', lanes: 1 };
export const showRegType = (t: RegType): string =>
  t.lanes === 1 ? t.elem : `${t.elem}x${t.lanes}`;
export const sameRegType = (a: RegType, b: RegType): boolean =>
  a.elem === b.elem && a.lanes === b.lanes;

/** The rules of `e` itself; `v` checks what it is made of. */
export const verifyExpression = (e: TExpr, v: ExpressionVerifier): void => {
  const { elem, lanes } = e.type;
  v.rule(
    lanes === 1 || !isWideElem(elem),
    () => `${showRegType(e.type)}: 64-bit elements have one lane`,
  );
  switch (e.kind) {
    case 'const':
      v.rule(
        isFloatElem(elem) || (Number.isInteger(e.value) && isExactIn(registerDType[elem], e.value)),
        () => `constant ${e.value} is no ${showRegType(e.type)}`,
      );
      break;
    case 'get':
      v.rule(v.isVisible(e.register), () => `register ${e.register.name} is not visible here`);
      v.rule(
        sameRegType(e.type, e.register.type),
        () => `register ${e.register.name} is ${showRegType(e.register.type)}`,
      );
      break;
    case 'op': {
      const result = scalarOps[e.op].dtype(...e.args.map((a) => registerDType[a.type.elem]));
      v.rule(
        e.args.length === scalarOps[e.op].arity &&
          result === registerDType[elem] &&
          e.args.every((a) => a.type.lanes === lanes),
        () =>
          `${e.op}(${e.args.map((a) => showRegType(a.type)).join(', ')}) cannot give ${showRegType(e.type)}`,
      );
      for (const a of e.args) v.expression(a);
      break;
    }
    case 'cast':
      v.rule(elem === registerOf(e.to), () => `cast to ${e.to} cannot give ${showRegType(e.type)}`);
      v.rule(
        e.to === 'bool' || bytesOf(e.to) >= 4 || !isWideElem(e.arg.type.elem),
        () => `cast of ${showRegType(e.arg.type)} to ${e.to} goes by 32 bits`,
      );
      v.typed(e.arg, { elem: e.arg.type.elem, lanes });
      break;
    case 'fma':
      v.rule(isFloatElem(elem), 'fma is for floats');
      for (const a of [e.a, e.b, e.c]) v.typed(a, e.type);
      break;
    case 'load':
      v.buffer(e.buffer);
      v.rule(
        e.buffer.space === 'shared' || e.buffer.access !== 'write',
        () => `${e.buffer.name} is write only`,
      );
      v.rule(
        elem === registerOf(e.buffer.dtype),
        () => `${e.buffer.name} holds ${e.buffer.dtype}, not ${showRegType(e.type)}`,
      );
      v.typed(e.index, INDEX);
      v.constantInBounds(e.buffer, e.index, lanes);
      break;
    case 'splat':
      v.rule(lanes === 4, 'splat gives four lanes');
      v.typed(e.arg, { elem, lanes: 1 });
      break;
    case 'vec4':
      v.rule(lanes === 4, 'vec4 gives four lanes');
      for (const a of e.args) v.typed(a, { elem, lanes: 1 });
      break;
    case 'lane':
      v.rule(lanes === 1, 'lane gives one lane');
      v.typed(e.arg, { elem, lanes: 4 });
      break;
    case 'shuffle':
      v.rule(
        lanes === 4 && e.lanes.every((l) => Number.isInteger(l) && l >= 0 && l < 8),
        'shuffle takes lanes 0 to 7',
      );
      v.typed(e.a, e.type);
      v.typed(e.b, e.type);
      break;
    case 'bits':
      v.rule(elem === 'u32' && lanes === 1, 'bits are one u32');
      v.rule(e.args.length * bytesOf(e.of) === 4, () => `${e.args.length} ${e.of} fill no word`);
      for (const a of e.args) v.typed(a, { elem: 'f32', lanes: 1 });
      break;
    default:
      e satisfies never;
  }
};
