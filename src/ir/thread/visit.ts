/**
 * What statements and expressions of Thread IR are made of.
 *
 * Invariant: every kind of expression and statement is listed; nothing here knows what they compute.
 */
import type { TensorMap } from './bulk.ts';
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

/**
 * Who meets in a statement: the workgroup, or in a role those of a warpgroup that take part (barriers, exchanges, gates,
 * tiles), a warp (its matrix units), or nobody.
 */
export type Meeting = 'nobody' | 'warp' | 'workgroup';

export const meetingIn = (s: TStmt): Meeting => {
  switch (s.kind) {
    case 'barrier':
    case 'exchange':
    case 'gates':
    case 'roles':
    case 'expect':
    case 'arrive':
    case 'await':
    case 'fetch':
    case 'products':
    case 'settle':
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

/** The statements in a statement, list by list. */
export const bodiesOf = (s: TStmt): readonly (readonly TStmt[])[] => {
  switch (s.kind) {
    case 'for':
      return [s.body];
    case 'if':
      return [s.then, s.otherwise];
    case 'roles':
      return s.roles.map((role) => role.body);
    default:
      return [];
  }
};

/** The buffers that anything is copied to. */
export const copiedTo = (body: readonly TStmt[]): readonly ThreadBuffer[] =>
  body.flatMap((s) => (s.kind === 'copy' ? [s.to] : bodiesOf(s).flatMap(copiedTo)));

/** The maps that tiles are fetched by, in the order of their first use. */
export const mapsIn = (body: readonly TStmt[]): readonly TensorMap[] => [
  ...new Set(body.flatMap((s) => (s.kind === 'fetch' ? [s.map] : bodiesOf(s).flatMap(mapsIn)))),
];

/** The shared buffers that tiles lie in. */
export const tilesIn = (body: readonly TStmt[]): ReadonlySet<ThreadBuffer> =>
  new Set(
    body.flatMap((s) =>
      s.kind === 'fetch' ? [s.to] : bodiesOf(s).flatMap((b) => [...tilesIn(b)]),
    ),
  );
