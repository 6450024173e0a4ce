/**
 * What statements and expressions of Thread IR are made of.
 *
 * Invariant: every kind of expression and statement is listed; nothing here knows what they compute.
 */
import type { TExpr, ThreadBuffer, TStmt } from './thread.ts';

/** The expressions an expression is computed from, in the order they are written. */
export const operandsOf = (e: TExpr): readonly TExpr[] => {
  switch (e.kind) {
    case 'const':
    case 'get':
      return [];
    case 'op':
    case 'vec4':
    case 'bits':
      return e.args;
    case 'cast':
    case 'splat':
    case 'lane':
      return [e.arg];
    case 'fma':
      return [e.a, e.b, e.c];
    case 'shuffle':
      return [e.a, e.b];
    case 'load':
      return [e.index];
    default:
      return e satisfies never;
  }
};

/** Who meets in a statement: the workgroup (barriers, exchanges), a warp (matrix units), or nobody. */
export type Meeting = 'nobody' | 'warp' | 'workgroup';

export const meetingIn = (s: TStmt): Meeting => {
  switch (s.kind) {
    case 'barrier':
    case 'exchange':
      return 'workgroup';
    case 'mma':
    case 'fragments':
      return 'warp';
    case 'for':
      return widest(s.body);
    case 'if':
      return widest([...s.then, ...s.otherwise]);
    case 'let':
    case 'var':
    case 'set':
    case 'store':
    case 'copy':
    case 'commit':
    case 'wait':
      return 'nobody';
    default:
      return s satisfies never;
  }
};

const widest = (body: readonly TStmt[]): Meeting => {
  const all = new Set(body.map(meetingIn));
  return all.has('workgroup') ? 'workgroup' : all.has('warp') ? 'warp' : 'nobody';
};

/** The buffers that anything is copied to. */
export const copiedTo = (body: readonly TStmt[]): readonly ThreadBuffer[] =>
  body.flatMap((s) => {
    if (s.kind === 'copy') return [s.to];
    if (s.kind === 'for') return copiedTo(s.body);
    return s.kind === 'if' ? [...copiedTo(s.then), ...copiedTo(s.otherwise)] : [];
  });
