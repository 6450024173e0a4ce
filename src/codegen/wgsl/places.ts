/**
 * Indices as text: an expression and a number, divided where four elements or parts of a word are one element of an
 * array.
 *
 * Invariant: a quotient is exact but for the number, which is rounded down.
 */
import type { TExpr } from '../../ir/thread/thread.ts';
import type { Alignment } from '../text/alignment.ts';
import { binary, type Code, int, plus, uint } from '../text/code.ts';

/** An index: a multiple of 2^twos (with its name, if it has one), and a number. */
export interface Place {
  readonly base: TExpr | undefined;
  readonly held: Code | undefined;
  readonly twos: number;
  readonly offset: number;
}

export class Places {
  readonly #value: (e: TExpr) => Code;
  readonly #alignment: Alignment;

  constructor(value: (e: TExpr) => Code, alignment: Alignment) {
    this.#value = value;
    this.#alignment = alignment;
  }

  of(index: TExpr): Place {
    if (index.kind === 'const')
      return { base: undefined, held: undefined, twos: 8, offset: index.value };
    const [base, offset] =
      index.kind === 'op' && index.op === 'add' && index.args[1]!.kind === 'const'
        ? [index.args[0]!, index.args[1]!.value]
        : [index, 0];
    return { base, held: undefined, twos: this.#alignment.twos(base), offset };
  }

  /** The same place, its index computed once however often it is named. */
  held(place: Place, hold: (value: Code) => Code): Place {
    const { base } = place;
    return base === undefined ? place : { ...place, held: hold(this.#value(base)) };
  }

  /** The index of the element `lane` further on. */
  index(place: Place, lane = 0): Code {
    const offset = place.offset + lane;
    if (place.base === undefined) return int(offset);
    return plus(place.held ?? this.#value(place.base), offset);
  }

  /** Whether 2^twos divides the whole index. */
  divides(place: Place, twos: number): boolean {
    return place.twos >= twos && (place.offset & ((1 << twos) - 1)) === 0;
  }

  /** The index divided by 2^twos, which divides the base. */
  quotient(place: Place, twos: number, lane = 0): Code {
    const offset = (place.offset + lane) >> twos;
    if (place.base === undefined) return int(offset);
    const base =
      place.held === undefined
        ? this.#shifted(place.base, twos)
        : binary('>>', place.held, uint(twos));
    return plus(base, offset);
  }

  /** `e / 2^twos` where that is exact, without a shift if the factor shows. */
  #shifted(e: TExpr, twos: number): Code {
    const value = this.#value;
    const divides = (x: TExpr): boolean => this.#alignment.twos(x) >= twos;
    if (e.kind === 'const') return int(e.value >> twos);
    if (e.kind === 'op') {
      const [a, b] = e.args;
      if ((e.op === 'add' || e.op === 'sub') && divides(a!) && divides(b!))
        return binary(e.op === 'add' ? '+' : '-', this.#shifted(a!, twos), this.#shifted(b!, twos));
      if (e.op === 'mul' && b!.kind === 'const' && divides(b!)) {
        const factor = b!.value >> twos;
        return factor === 1 ? value(a!) : binary('*', value(a!), int(factor));
      }
      if (e.op === 'mul' && divides(a!)) return binary('*', this.#shifted(a!, twos), value(b!));
      if (e.op === 'mul' && divides(b!)) return binary('*', value(a!), this.#shifted(b!, twos));
      if (e.op === 'shl' && b!.kind === 'const' && b!.value >= twos) {
        const by = b!.value - twos;
        return by === 0 ? value(a!) : binary('<<', value(a!), uint(by));
      }
    }
    return binary('>>', value(e), uint(twos));
  }
}
