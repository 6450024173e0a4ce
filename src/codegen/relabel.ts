/**
 * Names and buffers of statements that come together in one kernel.
 *
 * Invariant: statements that are renamed mean the same; names end in a number that is free.
 */
import { remember } from '../ir/remember.ts';
import { get, register } from '../ir/thread/build.ts';
import { type Parts, type SpecialStmt, withParts } from '../ir/thread/special.ts';
import type { Register, TExpr, ThreadBuffer, TStmt } from '../ir/thread/thread.ts';

/** Makes names unique: `wanted`, or `base` with the first number that is free. */
export const namer = (used: Set<string>): ((wanted: string, base: string) => string) => {
  const next = new Map<string, number>();
  return (wanted, base) => {
    let name = wanted;
    let n = next.get(base) ?? 1;
    while (used.has(name)) name = `${base}_${n++}`;
    if (name !== wanted) next.set(base, n);
    used.add(name);
    return name;
  };
};

/** Adds the names of all registers that statements declare. */
const addNames = (stmts: readonly TStmt[], names: string[]): void => {
  for (let i = 0; i < stmts.length; i++) {
    const s = stmts[i]!;
    switch (s.kind) {
      case 'let':
      case 'var':
      case 'exchange':
      case 'fragments':
        names.push(s.register.name);
        break;
      case 'for':
        names.push(s.counter.name);
        addNames(s.body, names);
        break;
      case 'if':
        addNames(s.then, names);
        addNames(s.otherwise, names);
        break;
      case 'roles':
        for (const role of s.roles) {
          names.push(role.group.name, role.place.name);
          addNames(role.body, names);
        }
        break;
      case 'set':
      case 'store':
      case 'barrier':
        break;
      default:
        s satisfies SpecialStmt;
    }
  }
};

/** Takes the names of all registers that statements declare; false, with nothing taken, where one is used already. */
export const takeNames = (stmts: readonly TStmt[], used: Set<string>): boolean => {
  const names: string[] = [];
  addNames(stmts, names);
  if (new Set([...used, ...names]).size < used.size + names.length) return false;
  for (const name of names) used.add(name);
  return true;
};

/** Statements with other buffers, and with registers renamed so that each name is used once. */
export const relabel = (
  stmts: readonly TStmt[],
  buffers: ReadonlyMap<ThreadBuffer, ThreadBuffer>,
  ids: readonly Register[],
  rename: (name: string) => string,
): TStmt[] => {
  const registers = new Map<Register, Register>(ids.map((id) => [id, id]));
  const renamed = (r: Register): Register => register(rename(r.name), r.type);
  const reg = (r: Register): Register => remember(registers, r, renamed);
  const reads = new Map<Register, TExpr>();
  const read = (r: Register): TExpr => remember(reads, r, () => get(reg(r)));
  const buffer = (b: ThreadBuffer): ThreadBuffer => buffers.get(b) ?? b;
  const done = new Map<TExpr, TExpr>();
  const expr = (e: TExpr): TExpr => {
    if (e.kind === 'const') return e;
    if (e.kind === 'get') return read(e.register);
    return remember(done, e, () => rebuild(e));
  };
  const rebuild = (e: Exclude<TExpr, { kind: 'const' | 'get' }>): TExpr => {
    switch (e.kind) {
      case 'op':
        return { ...e, args: e.args.map(expr) };
      case 'cast':
      case 'splat':
      case 'lane':
        return { ...e, arg: expr(e.arg) };
      case 'fma':
        return { ...e, a: expr(e.a), b: expr(e.b), c: expr(e.c) };
      case 'load':
        return { ...e, buffer: buffer(e.buffer), index: expr(e.index) };
      case 'vec4': {
        const [a, b, c, d] = e.args;
        return { ...e, args: [expr(a), expr(b), expr(c), expr(d)] };
      }
      case 'shuffle':
        return { ...e, a: expr(e.a), b: expr(e.b) };
      case 'bits':
        return { ...e, args: e.args.map(expr) };
      default:
        return e satisfies never;
    }
  };
  const parts: Parts = { expression: expr, register: reg, buffer };
  const stmt = (s: TStmt): TStmt => {
    switch (s.kind) {
      case 'let':
      case 'var':
      case 'set':
      case 'exchange':
        return { ...s, register: reg(s.register), value: expr(s.value) };
      case 'store':
        return { ...s, buffer: buffer(s.buffer), index: expr(s.index), value: expr(s.value) };
      case 'for':
        return {
          ...s,
          counter: reg(s.counter),
          from: expr(s.from),
          to: expr(s.to),
          body: s.body.map(stmt),
        };
      case 'if':
        return {
          ...s,
          condition: expr(s.condition),
          then: s.then.map(stmt),
          otherwise: s.otherwise.map(stmt),
        };
      case 'roles':
        return {
          ...s,
          roles: s.roles.map((role) => ({
            ...role,
            group: reg(role.group),
            place: reg(role.place),
            body: role.body.map(stmt),
          })),
        };
      case 'barrier':
        return s;
      default:
        return withParts(s, parts);
    }
  };
  return stmts.map(stmt);
};
