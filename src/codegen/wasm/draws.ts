/**
 * Random words: Threefry-2x32 of 20 rounds, for as many vectors at once as stand next to each other.
 *
 * A word is a chain of some seventy steps, of which processors begin a second one only when the first is nearly done:
 * the rounds of several vectors are told in turns.
 * Invariant: the words are those of `threefry` in ir/numbers.ts.
 */
import type { Register, TExpr, TStmt } from '../../ir/thread/thread.ts';
import { operandsOf } from '../../ir/thread/visit.ts';
import { i32, op, shuffleBytes, type Wasm } from './tree.ts';
import { shift, type Vectors } from './vector.ts';

/** A vector of random words. */
type Words = Extract<TExpr, { kind: 'op' }>;
type Let = Extract<TStmt, { kind: 'let' }>;

/** Vectors that are computed in turns, and statements among which they are looked for. */
const MOST = 4;
const REACH = 40;

/** Random words that are computed together, and what has to be known before. */
interface Ahead {
  readonly words: readonly Words[];
  readonly lets: readonly Let[];
}

/**
 * The vectors of random words that the statements from `start` on begin with, and that can all be computed before them;
 * `changing`: registers that are set again.
 */
const wordsAhead = (
  body: readonly TStmt[],
  start: number,
  changing: ReadonlySet<Register>,
): Ahead => {
  const words = new Set<Words>();
  const lets = new Set<Let>();
  /** What statements in between name: from other names alone, or from memory and what changes. */
  const named = new Map<Register, Let | undefined>();
  const isKnown = (e: TExpr, needed: Let[]): boolean => {
    if (e.kind === 'load') return false;
    if (e.kind !== 'get') return operandsOf(e).every((x) => isKnown(x, needed));
    if (changing.has(e.register)) return false;
    if (!named.has(e.register)) return true;
    const own = named.get(e.register);
    if (own === undefined || !isKnown(own.value, needed)) return false;
    needed.push(own);
    return true;
  };
  for (const s of body.slice(start, start + REACH)) {
    if (s.kind !== 'let' && s.kind !== 'store' && s.kind !== 'var' && s.kind !== 'set') break;
    for (const e of wordsIn(s.value)) {
      const needed: Let[] = [];
      if (words.size === MOST || !isKnown(e, needed)) continue;
      words.add(e);
      for (const one of needed) lets.add(one);
    }
    if (words.size === 0 && s.kind !== 'let') break;
    if (s.kind !== 'store') named.set(s.register, s.kind === 'let' ? s : undefined);
  }
  return { words: [...words], lets: [...lets] };
};

/** Who renders statements and values. */
export interface Teller {
  readonly v: Vectors;
  statement(s: TStmt): void;
  value(e: TExpr): Wasm;
}

/**
 * Renders the statements of a block, random words that stand next to each other together; `drawn`: those that are
 * computed, while they are.
 */
export const tellDrawing = (
  body: readonly TStmt[],
  changing: ReadonlySet<Register>,
  drawn: Map<TExpr, Wasm>,
  to: Teller,
): void => {
  const told = new Set<TStmt>();
  const own: TExpr[] = [];
  const tell = (s: TStmt): void => {
    if (!told.has(s)) to.statement(s);
    told.add(s);
  };
  body.forEach((s, i) => {
    const { words, lets } = wordsAhead(body, i, changing);
    const open = words.filter((e) => !drawn.has(e));
    if (open.length > 1) {
      lets.forEach(tell);
      const all = open.map((e) => e.args.map((a) => to.value(a)));
      wordsOf(to.v, 4, all).forEach((word, n) => {
        drawn.set(open[n]!, word);
      });
      own.push(...open);
    }
    tell(s);
  });
  // they are known in this block alone
  for (const e of own) drawn.delete(e);
};

/** Whether it is a vector of random words. */
export const isWords = (e: TExpr): e is Words =>
  e.kind === 'op' && e.op === 'threefry' && e.type.lanes === 4;

const wordsIn = (e: TExpr): readonly Words[] => (isWords(e) ? [e] : operandsOf(e).flatMap(wordsIn));

/** The first words of keys and counters: `[k0, k1, c0, c1]` for each. */
export const wordsOf = (v: Vectors, lanes: 1 | 4, all: readonly (readonly Wasm[])[]): Wasm[] => {
  const four = lanes === 4;
  const kind = four ? 'v128' : 'i32';
  const add = (a: Wasm, b: Wasm): Wasm => op(four ? 'i32x4.add' : 'i32.add', a, b);
  const xor = (a: Wasm, b: Wasm): Wasm => op(four ? 'v128.xor' : 'i32.xor', a, b);
  const c = (n: number): Wasm => (four ? v.i(n) : i32(n));
  const keep = (w: Wasm, name: string): Wasm => v.fb.hold(w, kind, name);
  const rotate = (x: Wasm, by: number): Wasm => {
    if (!four) return op('i32.rotl', x, i32(by));
    // whole bytes are moved by one instruction
    if (by % 8 === 0) return shuffleBytes(x, x, rotated(by / 8));
    return op('v128.or', shift('i32x4.shl', x, by), shift('i32x4.shr_u', x, 32 - by));
  };
  const begun: { readonly keys: readonly Wasm[]; readonly turns: Wasm[] }[] = [];
  const states = all.map((args) => {
    const [k0, k1, c0, c1] = args.map((a, i) => keep(a, ['k0', 'k1', 'c0', 'c1'][i]!));
    let key = begun.find(({ keys }) => isSame(keys[0]!, k0!) && isSame(keys[1]!, k1!));
    if (key === undefined) {
      const keys = [k0!, k1!, keep(xor(xor(k0!, k1!), c(0x1bd11bda)), 'k2')];
      key = {
        keys,
        turns: [0, 1, 2, 3, 4].map((t) => keep(add(keys[(t + 2) % 3]!, c(t + 1)), 'turn')),
      };
      begun.push(key);
    }
    return { ...key, x: keep(add(c0!, k0!), 'x'), y: keep(add(c1!, k1!), 'y') };
  });
  for (let block = 0; block < 5; block++) {
    for (const by of block % 2 === 0 ? [13, 15, 26, 6] : [17, 29, 16, 24]) {
      for (const s of states) s.x = keep(add(s.x, s.y), 'x');
      for (const s of states) s.y = keep(xor(rotate(s.y, by), s.x), 'y');
    }
    for (const s of states) {
      s.x = keep(add(s.x, s.keys[(block + 1) % 3]!), 'x');
      s.y = keep(add(s.y, s.turns[block]!), 'y');
    }
  }
  return states.map((s) => s.x);
};

const isSame = (x: Wasm, y: Wasm): boolean =>
  x.kind === 'get' && y.kind === 'get' && x.local === y.local;

/** The bytes of four lanes, those of each lane rotated by so many. */
const rotated = (by: number): number[] =>
  [0, 1, 2, 3].flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + ((byte + 4 - by) % 4)));
