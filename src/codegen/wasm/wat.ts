/**
 * Function trees as WebAssembly text, for people: folded expressions, names of buffers and indices kept.
 *
 * Invariant: what is printed is what is encoded (alignment hints are left out).
 */
import type { Program } from '../../ir/program.ts';
import type { ThreadKernel } from '../../ir/thread/thread.ts';
import type { Caps } from '../caps.ts';
import { renderProgram } from './program.ts';
import { renderKernel } from './render.ts';
import type { Local, Wasm, WasmFunction } from './tree.ts';

const WIDTH = 100;

const number = (value: number): string =>
  Number.isNaN(value)
    ? 'nan'
    : Number.isFinite(value)
      ? Object.is(value, -0)
        ? '-0'
        : `${value}`
      : value > 0
        ? 'inf'
        : '-inf';

/** Locals by names of their own. */
type Names = ReadonlyMap<Local, string>;

const namesOf = (locals: readonly Local[]): Names => {
  const times = new Map<string, number>();
  return new Map(
    locals.map((local) => {
      const name = local.name.replace(/[^\w.]/g, '_') || 'v';
      const seen = times.get(name) ?? 0;
      times.set(name, seen + 1);
      return [local, seen === 0 ? name : `${name}.${seen}`];
    }),
  );
};

/** The head of a node and its operands. */
const parts = (w: Wasm, names: Names): readonly [string, readonly Wasm[]] => {
  switch (w.kind) {
    case 'const':
      return [`${w.type}.const ${number(w.value)}`, []];
    case 'long':
      return [`i64.const ${w.value}`, []];
    case 'get':
      return [`local.get $${names.get(w.local)}`, []];
    case 'set':
      return [`local.set $${names.get(w.local)}`, [w.value]];
    case 'plain':
      return [w.op, w.args];
    case 'lane':
      return [`${w.op} ${w.lane}`, w.args];
    case 'memory': {
      const offset = w.offset === 0 ? '' : ` offset=${w.offset}`;
      return [`${w.op}${offset}${w.op.endsWith('_lane') ? ' 0' : ''}`, w.args];
    }
    case 'shuffle':
      return [`i8x16.shuffle ${w.bytes.join(' ')}`, w.args];
    case 'call':
      return [`call $${word(w.target.name)}`, w.args];
    case 'branch':
      return w.condition === undefined
        ? [`br $${w.label.name}`, []]
        : [`br_if $${w.label.name}`, [w.condition]];
    case 'return':
      return ['return', w.value === undefined ? [] : [w.value]];
    case 'block':
    case 'loop':
      return [`${w.kind} $${w.label.name}`, w.body];
    case 'if':
      return ['if', []];
    default:
      return w satisfies never;
  }
};

const flat = (w: Wasm, names: Names): string => {
  const [head, args] = parts(w, names);
  return `(${[head, ...args.map((a) => flat(a, names))].join(' ')})`;
};

const print = (w: Wasm, indent: string, names: Names): string => {
  const deeper = `${indent}  `;
  if (w.kind === 'block' || w.kind === 'loop') {
    const body = w.body.map((s) => `\n${print(s, deeper, names)}`).join('');
    return `${indent}(${w.kind} $${w.label.name}${body})`;
  }
  if (w.kind === 'if') {
    const branch = (name: string, list: readonly Wasm[]): string =>
      `\n${deeper}(${name}${list.map((s) => `\n${print(s, `${deeper}  `, names)}`).join('')})`;
    const condition = print(w.condition, deeper, names).trimStart();
    const otherwise = w.otherwise.length > 0 ? branch('else', w.otherwise) : '';
    return `${indent}(if ${condition}${branch('then', w.then)}${otherwise})`;
  }
  const line = indent + flat(w, names);
  const [head, args] = parts(w, names);
  if (line.length <= WIDTH || args.length === 0) return line;
  return `${indent}(${head}${args.map((a) => `\n${print(a, deeper, names)}`).join('')})`;
};

const word = (name: string): string => name.replace(/[^\w!#$%&'*+\-./:<=>?@\\^`|~]/g, '_');

/** Locals that are assigned; the others are left over from values that became addresses. */
const noteSets = (w: Wasm, into: Set<Local>): void => {
  if (w.kind === 'set') into.add(w.local);
  else if (w.kind === 'block' || w.kind === 'loop') for (const s of w.body) noteSets(s, into);
  else if (w.kind === 'if') for (const s of [...w.then, ...w.otherwise]) noteSets(s, into);
};

/** One function. */
const functionText = (f: WasmFunction): string => {
  const names = namesOf([...f.params, ...f.locals]);
  const params = f.params.map((p) => ` (param $${names.get(p)} ${p.type})`).join('');
  const result = f.result === undefined ? '' : ` (result ${f.result})`;
  const name = f.exported ? `$${f.name} (export "${f.name}")` : `$${word(f.name)}`;
  const lines = f.notes.map((n) => `;; ${n}`);
  lines.push(`(func ${name}${params}${result}`);
  let row = '';
  const assigned = new Set<Local>();
  for (const w of f.body) noteSets(w, assigned);
  for (const local of f.locals) {
    if (!assigned.has(local)) continue;
    const item = ` (local $${names.get(local)} ${local.type})`;
    if (row.length + item.length > WIDTH) {
      lines.push(` ${row}`);
      row = '';
    }
    row += item;
  }
  if (row !== '') lines.push(` ${row}`);
  for (const s of f.body) lines.push(print(s, '  ', names));
  return `${lines.join('\n')})`;
};

/** A kernel as explain shows it. */
export const kernelText = (kernel: ThreadKernel, caps: Caps): string =>
  functionText(renderKernel(kernel, caps));

/** A whole program: kernels, then the entries that replay the launches. */
export const programText = (program: Program, caps: Caps, threads = 1): string => {
  const limits = { shared: threads > 1, maximumPages: 65536, threads };
  const { functions } = renderProgram(program, caps, limits);
  const memory = `  (import "env" "memory" (memory 1 65536${limits.shared ? ' shared' : ''}))`;
  const body = functions.map((f) => functionText(f).replace(/^/gm, '  '));
  return `(module\n${[memory, ...body].join('\n\n')})\n`;
};
