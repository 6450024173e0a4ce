/**
 * What powers of two divide index expressions: tells whether four lanes fill a whole vector or word of memory.
 *
 * Invariant: `twos(e) = n` holds whenever `e` is evaluated: registers count with the least of all values they are given.
 */
import type { SpecialStmt } from '../../ir/thread/special.ts';
import type { Register, TExpr, TStmt } from '../../ir/thread/thread.ts';

/** More than any layout asks for; also what zero is divisible by. */
const MOST = 8;

const ofNumber = (value: number): number =>
  value === 0 ? MOST : Math.min(MOST, 31 - Math.clz32(value & -value));

/** Exponents of powers of two that divide the int32 expressions of a kernel body. */
export class Alignment {
  readonly #registers = new Map<Register, number>();

  constructor(body: readonly TStmt[]) {
    // variables depend on what they are set to, which may depend on them: from the top down until nothing moves
    const count = (): number => [...this.#registers.values()].reduce((a, b) => a + b, 0);
    this.#hopeful(body);
    let before: number;
    do {
      before = count();
      this.#block(body);
    } while (count() !== before);
  }

  /** The greatest n for which 2^n is known to divide `e`. */
  twos(e: TExpr): number {
    if (e.type.elem !== 'i32' || e.type.lanes !== 1) return 0;
    switch (e.kind) {
      case 'const':
        return ofNumber(e.value);
      case 'get':
        return this.#registers.get(e.register) ?? 0;
      case 'op':
        return this.#operation(e);
      case 'cast':
      case 'fma':
      case 'load':
      case 'splat':
      case 'vec4':
      case 'lane':
      case 'shuffle':
      case 'bits':
        return 0;
      default:
        return e satisfies never;
    }
  }

  #operation(e: Extract<TExpr, { kind: 'op' }>): number {
    const [a, b, c] = e.args;
    const least = (x: TExpr, y: TExpr): number => Math.min(this.twos(x), this.twos(y));
    switch (e.op) {
      case 'neg':
        return this.twos(a!);
      case 'add':
      case 'sub':
      case 'min':
      case 'max':
      case 'or':
      case 'xor':
      case 'mod':
        return least(a!, b!);
      case 'and':
        return Math.max(this.twos(a!), this.twos(b!));
      case 'select':
        return least(b!, c!);
      case 'mul':
        return Math.min(MOST, this.twos(a!) + this.twos(b!));
      case 'shl':
        return b!.kind === 'const' ? Math.min(MOST, this.twos(a!) + (b!.value & 31)) : 0;
      case 'shr':
        return b!.kind === 'const' && a!.kind !== 'const'
          ? Math.max(0, this.twos(a!) - (b!.value & 31))
          : 0;
      default:
        return 0;
    }
  }

  #hopeful(body: readonly TStmt[]): void {
    for (const s of body) {
      if (s.kind === 'let' || s.kind === 'var') this.#registers.set(s.register, MOST);
      if (s.kind === 'for') {
        this.#registers.set(s.counter, MOST);
        this.#hopeful(s.body);
      }
      if (s.kind === 'if') {
        this.#hopeful(s.then);
        this.#hopeful(s.otherwise);
      }
      if (s.kind === 'roles') for (const role of s.roles) this.#hopeful(role.body);
    }
  }

  #lower(register: Register, twos: number): void {
    if (twos < this.#registers.get(register)!) this.#registers.set(register, twos);
  }

  #block(body: readonly TStmt[]): void {
    for (const s of body) {
      switch (s.kind) {
        case 'let':
        case 'var':
        case 'set':
          this.#lower(s.register, this.twos(s.value));
          break;
        case 'for':
          this.#lower(s.counter, Math.min(this.twos(s.from), ofNumber(s.step)));
          this.#block(s.body);
          break;
        case 'if':
          this.#block(s.then);
          this.#block(s.otherwise);
          break;
        case 'store':
        case 'exchange':
        case 'barrier':
          break;
        case 'roles':
          for (const role of s.roles) this.#block(role.body);
          break;
        default:
          s satisfies SpecialStmt;
      }
    }
  }
}
