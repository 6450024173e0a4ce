/**
 * Thread kernels as `.tg` text, made to be read: infix arithmetic, named registers, one statement a line.
 *
 * Invariant: `parseThread` reads the text back to an equal kernel; a register's name is unique among those visible.
 */
import { shortName } from '../dtype.ts';
import { INFIX, type InfixRow } from '../text/infix.ts';
import { Names, spellDouble, spellName, spellNumber } from '../text/words.ts';
import {
  inWords,
  type PlainBulk,
  type Role,
  type TensorMap,
  type TileOperand,
  type WordOperand,
} from './bulk.ts';
import type { MmaInputs } from './tensor.ts';
import {
  type Elem,
  type Register,
  type RegType,
  registerDType,
  type TExpr,
  type ThreadBuffer,
  type ThreadKernel,
  type TStmt,
} from './thread.ts';
import { mapsIn } from './visit.ts';

/**
 * The text of a kernel; `name` replaces its name.
 *
 * @throws nothing
 *
 * @see {@link printGraph}
 */
export const printThread = (kernel: ThreadKernel, name: string = kernel.name): string =>
  new Printer(kernel).print(name);

class Printer {
  readonly #kernel: ThreadKernel;
  readonly #names = new Names<Register | ThreadBuffer | TensorMap>();
  #usesLocal = false;

  constructor(kernel: ThreadKernel) {
    this.#kernel = kernel;
  }

  print(name: string): string {
    const { buffers, grid, workgroup, body, cost, notes } = this.#kernel;
    const list = buffers.map((b) => `\n  ${this.#buffer(b)},`).join('');
    const end = buffers.length === 0 ? '' : '\n';
    const groups = `grid ${grid} as ${this.#define(workgroup)}`;
    const local = this.#define(this.#kernel.local);
    const boxes = mapsIn(body)
      .map((map) => `  ${this.#boxes(map)}\n`)
      .join('');
    const statements = this.#block(body, '  ');
    return `thread ${spellName(name)}(${list}${end}) ${groups}${this.#threads(local)} {
  cost ${spellDouble(cost.flops)}, ${spellDouble(cost.bytes)}
${notes.map((note) => `  note ${JSON.stringify(note)}\n`).join('')}${boxes}${statements}}
`;
  }

  /** A workgroup of one thread goes without saying, unless the body asks for the place of that thread. */
  #threads(local: string): string {
    const { threads } = this.#kernel;
    return threads > 1 || this.#usesLocal ? `, threads ${threads} as ${local}` : '';
  }

  #buffer(b: ThreadBuffer): string {
    const kind = b.space === 'shared' ? 'shared' : b.access;
    return `${kind} ${spellName(this.#names.of(b, b.name))}: ${shortName(b.dtype)}[${b.elements}]`;
  }

  #boxes(map: TensorMap): string {
    const name = spellName(this.#names.of(map, map.name));
    const axes = map.box.map((n, d) => `, axis(${map.extents[d]!}, ${map.strides[d]!}, ${n})`);
    return `boxes ${name} = array(${this.#name(map.buffer)}[${map.offset}]${axes.join('')})`;
  }

  #define(register: Register): string {
    return spellName(this.#names.of(register, register.name));
  }

  #block(body: readonly TStmt[], indent: string): string {
    const text = body.map((s) => `${indent}${this.#statement(s, indent)}\n`).join('');
    for (const s of body)
      if (s.kind === 'let' || s.kind === 'var' || s.kind === 'exchange' || s.kind === 'fragments')
        this.#names.release(s.register);
    return text;
  }

  #statement(s: TStmt, indent: string): string {
    switch (s.kind) {
      case 'let':
      case 'var': {
        // The value first: it may use an outer register of the same name.
        const value = this.#top(s.value);
        return `${s.kind} ${this.#typed(s.register)} = ${value}`;
      }
      case 'set':
        return `set ${this.#name(s.register)} = ${this.#top(s.value)}`;
      case 'store':
        return `${this.#element(s.buffer, s.index, s.value.type.lanes)} = ${this.#top(s.value)}`;
      case 'for': {
        const range = `${this.#operand(s.from, 2)}..${this.#operand(s.to, 2)}`;
        const step = s.step === 1 ? '' : ` step ${s.step}`;
        const head = `for ${this.#define(s.counter)} in ${range}${step} {\n`;
        const body = this.#block(s.body, `${indent}  `);
        this.#names.release(s.counter);
        return `${head}${body}${indent}}`;
      }
      case 'if': {
        const then = `if ${this.#top(s.condition)} {\n${this.#block(s.then, `${indent}  `)}${indent}}`;
        return s.otherwise.length === 0
          ? then
          : `${then} else {\n${this.#block(s.otherwise, `${indent}  `)}${indent}}`;
      }
      case 'exchange': {
        const value = this.#top(s.value);
        return `exchange ${this.#typed(s.register)} = ${value} across ${s.mask}`;
      }
      case 'mma': {
        const [b0, b1] = s.b;
        const product = this.#call(inputNames[s.inputs], [s.a, b0, b1]);
        return `mma ${this.#name(s.accumulator)} += ${product}`;
      }
      case 'fragments': {
        const value = this.#element(s.buffer, s.index, 1);
        const how = s.transposed ? ' transposed' : '';
        return `fragments ${this.#typed(s.register)} = ${value}${how}`;
      }
      case 'copy': {
        const to = this.#element(s.to, s.index, s.elements);
        const always = s.when.kind === 'const' && s.when.value === 1;
        const when = always ? '' : ` when ${this.#top(s.when)}`;
        return `copy ${to} = ${this.#element(s.from, s.at, 1)}${when}`;
      }
      case 'roles': {
        const roles = s.roles.map((role) => `${indent}  ${this.#role(role, `${indent}  `)}\n`);
        return `roles {\n${roles.join('')}${indent}}`;
      }
      case 'gates':
      case 'expect':
      case 'arrive':
      case 'await':
      case 'fetch':
      case 'products':
      case 'settle':
        return this.#bulk(s);
      case 'barrier':
      case 'commit':
        return s.kind;
      case 'wait':
        return `wait ${s.pending}`;
      default:
        return s satisfies never;
    }
  }

  #role(role: Role, indent: string): string {
    const { groups, threads, group, place, registers, body } = role;
    const names = `${this.#define(group)}, ${this.#define(place)}`;
    const hint = registers === undefined ? '' : ` ${registers.change} ${registers.count}`;
    const statements = this.#block(body, `${indent}  `);
    for (const register of [group, place]) this.#names.release(register);
    return `role ${groups}, ${threads} as ${names}${hint} {\n${statements}${indent}}`;
  }

  #bulk(s: PlainBulk): string {
    switch (s.kind) {
      case 'gates':
        return `gates ${this.#name(s.buffer)}[${s.arrivals.join(', ')}]`;
      case 'expect':
        return `expect ${this.#element(s.gates, s.index, 1)}, ${s.bytes}`;
      case 'arrive':
        return `arrive ${this.#element(s.gates, s.index, 1)}`;
      case 'await':
        return `await ${this.#element(s.gates, s.index, 1)}, ${this.#top(s.phase)}`;
      case 'fetch': {
        const corner = s.coordinates.map((c) => this.#top(c)).join(', ');
        const to = this.#element(s.to, s.index, 1);
        const gate = this.#element(s.gates, s.gate, 1);
        return `fetch ${to} = ${this.#name(s.map)}(${corner}) signals ${gate}`;
      }
      case 'products': {
        const sums = s.accumulators.map((r) => this.#name(r)).join(', ');
        const [a, b] = [this.#factor(s.a), this.#factor(s.b)];
        return `products ${sums} ${s.adds ? '+=' : '='} ${inputNames[s.inputs]}(${a}, ${b}, ${s.steps})`;
      }
      case 'settle':
        return `settle ${[s.pending, ...s.accumulators.map((r) => this.#name(r))].join(', ')}`;
      default:
        return s satisfies never;
    }
  }

  #factor(operand: TileOperand | WordOperand): string {
    if (inWords(operand)) return this.#call('words', operand.words);
    const { buffer, at, along, pitch } = operand;
    return `${along}(${this.#element(buffer, at, 1)}${pitch === 0 ? '' : `, ${pitch}`})`;
  }

  #typed(register: Register): string {
    return `${this.#define(register)}: ${showRegType(register.type)}`;
  }

  #name(thing: Register | ThreadBuffer | TensorMap): string {
    if (thing === this.#kernel.local) this.#usesLocal = true;
    return spellName(this.#names.get(thing) ?? thing.name);
  }

  #element(buffer: ThreadBuffer, index: TExpr, lanes: number): string {
    return `${this.#name(buffer)}[${this.#top(index)}${lanes === 1 ? '' : ` : ${lanes}`}]`;
  }

  #top(e: TExpr): string {
    return this.#operand(e, 0);
  }

  /** The text of `e` where only operators that bind at least as tightly as `level` need no parentheses. */
  #operand(e: TExpr, level: number): string {
    switch (e.kind) {
      case 'const':
        return e.type.lanes === 1
          ? spellElem(e.value, e.type.elem)
          : `${showRegType(e.type)}(${spellElem(e.value, e.type.elem)})`;
      case 'get':
        return this.#name(e.register);
      case 'op': {
        const row: InfixRow | undefined = INFIX[e.op];
        if (row === undefined) return this.#call(e.op, e.args);
        const [left, right] = e.args as readonly [TExpr, TExpr];
        const text = `${this.#operand(left, row.left)} ${row.symbol} ${this.#operand(right, row.right)}`;
        return row.level < level ? `(${text})` : text;
      }
      case 'cast':
        return this.#call(shortName(e.to), [e.arg]);
      case 'fma':
        return this.#call('fma', [e.a, e.b, e.c]);
      case 'load':
        return this.#element(e.buffer, e.index, e.type.lanes);
      case 'splat':
        return this.#call('splat', [e.arg]);
      case 'vec4':
        return this.#call('vec4', e.args);
      case 'lane':
        return `lane(${this.#top(e.arg)}, ${e.lane})`;
      case 'shuffle':
        return `shuffle(${this.#top(e.a)}, ${this.#top(e.b)}, ${e.lanes.join(', ')})`;
      case 'bits':
        return this.#call(`bits_${shortName(e.of)}`, e.args);
      default:
        return e satisfies never;
    }
  }

  #call(name: string, args: readonly TExpr[]): string {
    return `${name}(${args.map((a) => this.#top(a)).join(', ')})`;
  }
}

/** What products are called by their operands. */
export const inputNames: Readonly<Record<MmaInputs, string>> = {
  bfloat16: 'bf16',
  float16: 'f16',
  tfloat32: 'tf32',
};

const spellElem = (value: number, elem: Elem): string => spellNumber(value, registerDType[elem]);

/** `f32`, `f32x4`. */
export const showRegType = (type: RegType): string =>
  type.lanes === 1 ? type.elem : `${type.elem}x${type.lanes}`;
