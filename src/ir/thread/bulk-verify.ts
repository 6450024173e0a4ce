/**
 * The rules of what warpgroups do at their own pace.
 *
 * Invariant: a kernel that passes has the sizes, alignments and roles that matrix units and tensor maps ask for; whether
 * its warpgroups wait for each other forever is left to the interpreter.
 */
import { bytesOf } from '../dtype.ts';
import type { LazyText } from '../lazy-text.ts';
import {
  type BulkStmt,
  boxBytes,
  inWords,
  LINE,
  type PlainBulk,
  type Role,
  type TensorMap,
  TILE_ROWS,
  TILE_UNIT,
  type TileOperand,
  WARPGROUP,
} from './bulk.ts';
import { expressionsOf } from './special.ts';
import type { Register, TExpr, ThreadBuffer, TStmt } from './thread.ts';
import { bodiesOf } from './visit.ts';

/** What the verifier of a kernel knows and does. */
export interface BulkVerifier {
  rule(holds: boolean, text: LazyText): void;
  /** An int32 expression that all threads around agree on. */
  agreed(e: TExpr): void;
  buffer(b: ThreadBuffer): void;
  /** A visible `var` of f32x4. */
  accumulator(r: Register): void;
  /** Four words of a thread. */
  words(e: TExpr): void;
}

/** Accumulators of eight columns that one instruction takes. */
const MOST_ACCUMULATORS = 32;
const MOST_AXES = 5;
const LONGEST_BOX = 256;
/** Registers that a warpgroup may ask for. */
const REGISTERS = { least: 24, most: 240, unit: 8 };

/** Elements of the sum in one step. */
const STEP = 16;

const isCount = (n: number): boolean => Number.isInteger(n) && n > 0;

/** What holds wherever a statement stands; `role` is the one it stands in. */
export const verifyBulk = (s: PlainBulk, role: Role | undefined, v: BulkVerifier): void => {
  const own = s.kind === 'products' && inWords(s.a) ? s.a.words : [];
  for (const e of own) v.words(e);
  for (const e of expressionsOf(s).slice(own.length)) v.agreed(e);
  if (s.kind === 'gates') {
    v.rule(role === undefined, 'gates are made before roles begin');
    gateBuffer(s.buffer, v);
    v.rule(s.arrivals.every(isCount), () => `${s.arrivals.join(', ')} warps cannot arrive`);
    v.rule(
      2 * s.arrivals.length <= s.buffer.elements,
      () => `${s.arrivals.length} gates, two elements each, in ${s.buffer.name}`,
    );
    return;
  }
  v.rule(role !== undefined, () => `${s.kind} stands in a role`);
  switch (s.kind) {
    case 'expect':
      v.rule(isCount(s.bytes), () => `${s.bytes} bytes cannot come`);
      gateBuffer(s.gates, v);
      break;
    case 'arrive':
    case 'await':
      gateBuffer(s.gates, v);
      break;
    case 'fetch':
      v.rule(role?.threads === 32, 'one warp asks for a tile');
      gateBuffer(s.gates, v);
      tensorMap(s.map, v);
      v.rule(
        s.coordinates.length === s.map.box.length,
        () => `${s.coordinates.length} coordinates in ${s.map.box.length} dimensions`,
      );
      tileBuffer(s.to, s.index, v);
      v.rule(s.to.dtype === s.map.buffer.dtype, () => `${s.to.name} holds ${s.to.dtype}`);
      v.rule(boxBytes(s.map) <= 2 * s.to.elements, () => `the box is larger than ${s.to.name}`);
      break;
    case 'products':
      v.rule(role?.threads === WARPGROUP, 'a whole warpgroup multiplies');
      v.rule(
        isCount(s.accumulators.length) && s.accumulators.length <= MOST_ACCUMULATORS,
        () => `1 to ${MOST_ACCUMULATORS} accumulators, not ${s.accumulators.length}`,
      );
      v.rule(
        new Set(s.accumulators).size === s.accumulators.length,
        'accumulators are different registers',
      );
      for (const r of s.accumulators) v.accumulator(r);
      v.rule(isCount(s.steps), () => `a sum has 1 step or more, not ${s.steps}`);
      if (inWords(s.a))
        v.rule(s.a.words.length === s.steps, `words of ${s.a.words.length} steps, of ${s.steps}`);
      for (const operand of inWords(s.a) ? [s.b] : [s.a, s.b]) {
        tileBuffer(operand.buffer, operand.at, v);
        v.rule(
          operand.buffer.dtype === s.inputs,
          () => `${operand.buffer.name} holds no ${s.inputs}`,
        );
        const rows = operand === s.b ? 8 * s.accumulators.length : TILE_ROWS;
        chunks(operand, operand.along === 'free' ? rows : STEP * s.steps, v);
      }
      break;
    case 'settle':
      v.rule(role?.threads === WARPGROUP, 'a whole warpgroup multiplies');
      v.rule(
        Number.isInteger(s.pending) && s.pending >= 0,
        () => `${s.pending} groups of products cannot be left`,
      );
      for (const r of s.accumulators) v.accumulator(r);
      break;
    default:
      s satisfies never;
  }
};

/** What holds for roles before what is in them. */
export const verifyRoles = (
  { roles }: BulkStmt & { kind: 'roles' },
  threads: number,
  v: BulkVerifier,
): void => {
  v.rule(
    roles.every((role) => isCount(role.groups)),
    'a role is for one warpgroup or more',
  );
  const groups = roles.reduce((n, role) => n + role.groups, 0);
  v.rule(
    groups * WARPGROUP === threads,
    () => `${groups} warpgroups have a role, of ${threads / WARPGROUP}`,
  );
  for (const { registers, threads: part, body } of roles) {
    v.rule(part === 32 || part === 128, () => `${part} threads of a warpgroup cannot have a role`);
    if (registers !== undefined) {
      const { least, most, unit } = REGISTERS;
      const { count } = registers;
      v.rule(
        count >= least && count <= most && count % unit === 0,
        () => `${count} registers: a multiple of ${unit} from ${least} to ${most}`,
      );
    }
    for (const s of body) ownOnly(s, v);
  }
};

/** In a role, threads meet those of their warpgroup alone. */
const ownOnly = (s: TStmt, v: BulkVerifier): void => {
  switch (s.kind) {
    case 'barrier':
    case 'gates':
    case 'roles':
    case 'mma':
    case 'fragments':
    case 'copy':
    case 'commit':
    case 'wait':
      v.rule(false, () => `there is no ${s.kind} in a role`);
      break;
    default:
      for (const body of bodiesOf(s)) for (const inner of body) ownOnly(inner, v);
  }
};

const gateBuffer = (b: ThreadBuffer, v: BulkVerifier): void => {
  v.buffer(b);
  v.rule(b.space === 'shared' && b.dtype === 'uint32', () => `${b.name} is no shared uint32`);
};

const tileBuffer = (b: ThreadBuffer, at: TExpr, v: BulkVerifier): void => {
  v.buffer(b);
  v.rule(
    b.space === 'shared' && (b.dtype === 'bfloat16' || b.dtype === 'float16'),
    () => `${b.name} is no shared memory of 16-bit floats`,
  );
  if (at.kind === 'const')
    v.rule(
      at.value % TILE_UNIT === 0,
      () => `a tile begins at a multiple of ${TILE_UNIT} elements`,
    );
};

/** Where more than one line is needed, the others have a place of their own. */
const chunks = ({ pitch }: TileOperand, inLine: number, v: BulkVerifier): void => {
  if (inLine > LINE)
    v.rule(isCount(pitch) && pitch % TILE_UNIT === 0, () => `tiles lie ${pitch} elements apart`);
};

const tensorMap = (map: TensorMap, v: BulkVerifier): void => {
  const { buffer, offset, extents, strides, box } = map;
  v.buffer(buffer);
  const bytes = bytesOf(buffer.dtype);
  v.rule(
    buffer.space === 'global' && buffer.access === 'read' && bytes === 2,
    () => `${buffer.name} is no global memory of 16-bit floats to read`,
  );
  v.rule(
    box.length >= 2 &&
      box.length <= MOST_AXES &&
      extents.length === box.length &&
      strides.length === box.length,
    () => `boxes have 2 to ${MOST_AXES} dimensions`,
  );
  v.rule(strides[0] === 1 && box[0] === LINE, () => `a line of a box is ${LINE} neighbours`);
  v.rule(
    [...extents, ...box].every(isCount) && box.every((n) => n <= LONGEST_BOX),
    () => `boxes have 1 to ${LONGEST_BOX} elements in each dimension`,
  );
  v.rule(
    [offset, ...strides.slice(1)].every((n) => n >= 0 && (n * bytes) % 16 === 0),
    'boxes begin, and their lines follow each other, at multiples of 16 bytes',
  );
  const last = extents.reduce((at, extent, d) => at + (extent - 1) * strides[d]!, offset);
  v.rule(last < buffer.elements, () => `boxes reach element ${last} of ${buffer.name}`);
};
