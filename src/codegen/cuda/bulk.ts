/**
 * Statements of warpgroups that work at their own pace, as CUDA C++.
 *
 * Invariant: a role is one branch of the warpgroup's number; what a warp or a warpgroup does together is one call of all
 * its threads.
 */
import { bytesOf } from '../../ir/dtype.ts';
import { i32, mul } from '../../ir/thread/build.ts';
import {
  type BulkStmt,
  inWords,
  type Role,
  type TensorMap,
  type TileOperand,
  WARPGROUP,
  type WordOperand,
} from '../../ir/thread/bulk.ts';
import { inputNames } from '../../ir/thread/print.ts';
import type { Register, TExpr, ThreadBuffer } from '../../ir/thread/thread.ts';
import type { Body } from '../text/body.ts';
import { atom, binary, type Code, call, int } from '../text/code.ts';
import type { Library } from './library.ts';
import { stepAt } from './ptx-bulk.ts';

/** What the renderer of a kernel has. */
export interface BulkHost {
  readonly body: Body;
  readonly library: Library;
  /** Registers that are read. */
  readonly read: ReadonlySet<Register>;
  /** Where an element is. */
  address(buffer: ThreadBuffer, index: TExpr): Code;
  map(map: TensorMap): string;
}

/** Elements of a uint32 buffer that a gate is made of. */
const GATE = 2;

export const writeBulk = (s: BulkStmt, host: BulkHost): void => {
  const { body, library } = host;
  const gate = (gates: ThreadBuffer, index: TExpr): Code =>
    host.address(gates, mul(index, i32(GATE)));
  const run = (name: string, ...args: readonly Code[]): void =>
    body.line(`${call(library.one(name), ...args).text};`);
  const sums = (registers: readonly Register[]): Code[] => registers.map((r) => atom(body.name(r)));
  switch (s.kind) {
    case 'gates':
      body.line('if (threadIdx.x == 0) {');
      body.inside(() => {
        for (const [i, n] of s.arrivals.entries()) run('gate_open', gate(s.buffer, i32(i)), int(n));
        run('gates_opened');
      });
      body.line('}');
      body.line('__syncthreads();');
      return;
    case 'roles':
      roles(s.roles, host);
      return;
    case 'expect':
      run('gate_expect', gate(s.gates, s.index), int(s.bytes));
      return;
    case 'arrive':
      run('gate_arrive', gate(s.gates, s.index));
      return;
    case 'await':
      run('gate_await', gate(s.gates, s.index), body.value(s.phase));
      return;
    case 'fetch': {
      const to = host.address(s.to, s.index);
      const coordinates = s.coordinates.map((c) => body.value(c));
      const map = atom(host.map(s.map));
      run(`tile_load_${coordinates.length}`, to, map, gate(s.gates, s.gate), ...coordinates);
      return;
    }
    case 'products': {
      const columns = 8 * s.accumulators.length;
      const named = `${inWords(s.a) ? '_words' : ''}_${inputNames[s.inputs]}_${columns}`;
      const turned = (inWords(s.a) ? [s.b] : [s.a, s.b]).map((o) => (o.along === 'free' ? 1 : 0));
      const [a, b] = [factor(s.a, 'a', host), factor(s.b, 'b', host)];
      run('products_begin');
      for (let step = 0; step < s.steps; step++) {
        const begins = step === 0 && !s.adds;
        const name = library.one(`product${begins ? '_begin' : ''}${named}`);
        const operands = [a(step), b(step), ...sums(s.accumulators)];
        body.line(`${call(`${name}<${turned.join(', ')}>`, ...operands).text};`);
      }
      run('products_end');
      return;
    }
    case 'settle':
      if (s.accumulators.length === 0) body.line(`${library.one('settle')}<${s.pending}>();`);
      else {
        const name = library.one(`settle_${8 * s.accumulators.length}`);
        body.line(`${call(`${name}<${s.pending}>`, ...sums(s.accumulators)).text};`);
      }
      return;
    default:
      s satisfies never;
  }
};

/** What each step of a product takes: words, or a tile as matrix units are told of it. */
const factor = (
  operand: TileOperand | WordOperand,
  name: string,
  host: BulkHost,
): ((step: number) => Code) => {
  const { body, library } = host;
  if (inWords(operand)) return (step) => body.value(operand.words[step]!);
  const { buffer, at, along, pitch } = operand;
  const bytes = pitch * bytesOf(buffer.dtype);
  const code = call(
    library.one('tile'),
    host.address(buffer, at),
    int(along === 'free' ? bytes : 0),
  );
  const own = body.names.fresh(`tile_${name}`);
  body.line(`const unsigned long long ${own} = ${code.text};`);
  const further = (step: number): Code => int(stepAt(operand, bytes, step));
  return (step) => (step === 0 ? atom(own) : binary('+', atom(own), further(step)));
};

const roles = (all: readonly Role[], { body, library, read }: BulkHost): void => {
  const group = body.names.fresh('group');
  body.line(`const int ${group} = ${library.one('warpgroup')}();`);
  let first = 0;
  all.forEach((role, i) => {
    const end = first + role.groups;
    const head = i === all.length - 1 ? '{' : `if (${group} < ${end}) {`;
    body.line(i === 0 ? head : `} else ${head}`);
    body.inside(() => {
      const hint = role.registers;
      if (hint !== undefined)
        body.line(`${library.one(`registers_${hint.change}`)}<${hint.count}>();`);
      const part = role.threads < WARPGROUP;
      if (part) body.line(`if (threadIdx.x % ${WARPGROUP} < ${role.threads}) {`);
      const inside = (): void => {
        if (read.has(role.group))
          body.line(
            `const int ${body.given(role.group, role.groups - 1)} = ${first === 0 ? group : `${group} - ${first}`};`,
          );
        if (read.has(role.place))
          body.line(
            `const int ${body.given(role.place, role.threads - 1)} = threadIdx.x % ${WARPGROUP};`,
          );
        body.block(role.body);
      };
      if (part) body.inside(inside);
      else inside();
      if (part) body.line('}');
    });
    first = end;
  });
  body.line('}');
};
