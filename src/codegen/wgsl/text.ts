/**
 * Types and constants as WGSL spells them.
 *
 * Invariant: a constant that WGSL cannot write is made from its bits.
 */
import { TigonError } from '../../ir/errors.ts';
import type { RegType } from '../../ir/thread/thread.ts';
import { atom, type Code, call, float, int, uint } from '../text/code.ts';

/** The name of a register type. */
export const typeName = ({ elem, lanes }: RegType): string => {
  if (lanes === 1) return elem;
  return elem === 'bool' ? 'vec4<bool>' : `vec4${elem[0]}`;
};

/** Such programs are refused before they get here. */
export const noWide = (): TigonError => new TigonError('dtype', 'WGSL has no elements of 64 bits');

/** A constant in all lanes of a type; infinities and NaN, which WGSL cannot write, through `special`. */
export const constant = (type: RegType, value: number, special: (bits: Code) => Code): Code => {
  const one = (): Code => {
    switch (type.elem) {
      case 'f32': {
        const single = Math.fround(value);
        if (Number.isNaN(single)) return special(uint(0x7fc00000));
        if (Number.isFinite(single)) return float(single);
        return special(uint(single > 0 ? 0x7f800000 : 0xff800000));
      }
      case 'i32':
        return int(value | 0);
      case 'u32':
        return uint(value >>> 0);
      case 'bool':
        return atom(value === 0 ? 'false' : 'true');
      case 'f64':
      case 'i64':
      case 'u64':
        throw noWide();
      default:
        return type.elem satisfies never;
    }
  };
  return type.lanes === 1 ? one() : call(typeName(type), one());
};
