/**
 * Bytes of a module from function trees: the binary format, no more of it than generated programs need.
 *
 * Invariant: functions called are in the list; the memory is imported as `env.memory`, imported functions under their names.
 */
import { LANE, MEMORY, PLAIN } from './instructions.ts';
import type { Label, ValueType, Wasm, WasmFunction } from './tree.ts';

/** The imported memory: its limits must contain those of the memory given at instantiation. */
export interface MemoryImport {
  readonly shared: boolean;
  readonly maximumPages: number;
}

const TYPE_CODES: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};
const VOID = 0x40;
const scratch = new DataView(new ArrayBuffer(8));

/** A growing byte array. */
class Bytes {
  #data = new Uint8Array(256);
  length = 0;

  #grow(extra: number): void {
    const grown = new Uint8Array(Math.max(this.#data.length * 2, this.length + extra));
    grown.set(this.#data.subarray(0, this.length));
    this.#data = grown;
  }
  byte(value: number): void {
    if (this.length === this.#data.length) this.#grow(1);
    this.#data[this.length++] = value;
  }
  /** A byte and a number: what most instructions are. */
  pair(code: number, value: number): void {
    if (this.length + 6 > this.#data.length) this.#grow(6);
    this.#data[this.length++] = code;
    let rest = value;
    while (rest > 127) {
      this.#data[this.length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#data[this.length++] = rest;
  }
  append(other: Bytes): void {
    if (this.length + other.length > this.#data.length) this.#grow(other.length);
    this.#data.set(other.view(), this.length);
    this.length += other.length;
  }
  /** Leaves nothing, but the room there is. */
  clear(): void {
    this.length = 0;
  }
  view(): Uint8Array {
    return this.#data.subarray(0, this.length);
  }
  unsigned(value: number): void {
    if (this.length + 5 > this.#data.length) this.#grow(5);
    let rest = value;
    while (rest > 127) {
      this.#data[this.length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#data[this.length++] = rest;
  }
  signed(value: bigint): void {
    let rest = value;
    for (;;) {
      const low = Number(rest & 127n);
      rest >>= 7n;
      const last = (rest === 0n && low < 64) || (rest === -1n && low >= 64);
      this.byte(last ? low : low | 128);
      if (last) return;
    }
  }
  /** A byte and a number with a sign. */
  small(code: number, value: number): void {
    if (this.length + 6 > this.#data.length) this.#grow(6);
    this.#data[this.length++] = code;
    let rest = value;
    // all but the last seven bits, whose highest is the sign
    while (rest < -64 || rest > 63) {
      this.#data[this.length++] = (rest & 127) | 128;
      rest >>= 7;
    }
    this.#data[this.length++] = rest & 127;
  }
  float(value: number, bytes: 4 | 8): void {
    if (bytes === 4) scratch.setFloat32(0, value, true);
    else scratch.setFloat64(0, value, true);
    for (let i = 0; i < bytes; i++) this.byte(scratch.getUint8(i));
  }
  text(value: string): void {
    const data = new TextEncoder().encode(value);
    this.unsigned(data.length);
    for (const b of data) this.byte(b);
  }
  /** An opcode as `instructions.ts` writes it. */
  opcode(code: number): void {
    if (code >= 0x100) this.pair(code >> 12, code & 0xfff);
    else {
      if (this.length === this.#data.length) this.#grow(1);
      this.#data[this.length++] = code;
    }
  }
}

const encodeBody = (
  out: Bytes,
  body: readonly Wasm[],
  indices: ReadonlyMap<WasmFunction, number>,
): void => {
  const labels: Label[] = [];
  const emitAll = (list: readonly Wasm[]): void => {
    for (let i = 0; i < list.length; i++) emit(list[i]!);
  };
  const block = (code: number, label: Label, list: readonly Wasm[]): void => {
    out.byte(code);
    out.byte(VOID);
    labels.push(label);
    emitAll(list);
    labels.pop();
  };
  const emit = (w: Wasm): void => {
    switch (w.kind) {
      case 'get':
        out.pair(0x20, w.local.index);
        return;
      case 'const':
        if (w.type === 'i32') out.small(0x41, w.value);
        else {
          out.byte(w.type === 'f32' ? 0x43 : 0x44);
          out.float(w.value, w.type === 'f32' ? 4 : 8);
        }
        return;
      case 'plain': {
        const { args } = w;
        for (let i = 0; i < args.length; i++) emit(args[i]!);
        out.opcode(PLAIN[w.op]);
        return;
      }
      case 'set':
        emit(w.value);
        out.pair(0x21, w.local.index);
        return;
      case 'memory': {
        emitAll(w.args);
        const instruction = MEMORY[w.op];
        out.opcode(instruction[0]);
        out.pair(instruction[1], w.offset);
        // the only lane stored is lane 0: narrowing moves what is stored there
        if (w.op === 'v128.store32_lane' || w.op === 'v128.store64_lane') out.byte(0);
        return;
      }
      case 'lane':
        emitAll(w.args);
        out.opcode(LANE[w.op]);
        out.byte(w.lane);
        return;
      case 'long':
        out.byte(0x42);
        out.signed(BigInt.asIntN(64, w.value));
        return;
      case 'shuffle':
        emitAll(w.args);
        out.opcode(0xfd00d);
        for (let i = 0; i < w.bytes.length; i++) out.byte(w.bytes[i]!);
        return;
      case 'call': {
        emitAll(w.args);
        out.byte(0x10);
        out.unsigned(indices.get(w.target)!);
        return;
      }
      case 'block':
      case 'loop':
        block(w.kind === 'block' ? 0x02 : 0x03, w.label, w.body);
        out.byte(0x0b);
        return;
      case 'if': {
        emit(w.condition);
        const label = { name: 'if' };
        block(0x04, label, w.then);
        if (w.otherwise.length > 0) {
          out.byte(0x05);
          labels.push(label);
          emitAll(w.otherwise);
          labels.pop();
        }
        out.byte(0x0b);
        return;
      }
      case 'branch':
        if (w.condition !== undefined) emit(w.condition);
        out.byte(w.condition === undefined ? 0x0c : 0x0d);
        out.unsigned(labels.length - 1 - labels.lastIndexOf(w.label));
        return;
      case 'return':
        if (w.value !== undefined) emit(w.value);
        out.byte(0x0f);
        return;
      default:
        w satisfies never;
    }
  };
  emitAll(body);
};

const signature = (f: WasmFunction): string =>
  `${f.params.map((p) => p.type).join()}>${f.result ?? ''}`;

/** Encodes a module of these functions; exported and imported ones under their name. */
export const encodeModule = (
  functions: readonly WasmFunction[],
  limits: MemoryImport,
): Uint8Array<ArrayBuffer> => {
  const out = new Bytes();
  const section = (id: number, fill: (s: Bytes) => void): void => {
    const body = new Bytes();
    fill(body);
    out.byte(id);
    out.unsigned(body.length);
    out.append(body);
  };
  for (const b of [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) out.byte(b);
  const imported = functions.filter((f) => f.imported);
  const own = functions.filter((f) => !f.imported);
  const indices = new Map([...imported, ...own].map((f, i) => [f, i]));
  const types = new Map<string, number>();
  const distinct: WasmFunction[] = [];
  for (const f of functions) {
    if (types.has(signature(f))) continue;
    types.set(signature(f), distinct.length);
    distinct.push(f);
  }
  section(1, (s) => {
    s.unsigned(distinct.length);
    for (const f of distinct) {
      s.byte(0x60);
      s.unsigned(f.params.length);
      for (const p of f.params) s.byte(TYPE_CODES[p.type]);
      s.unsigned(f.result === undefined ? 0 : 1);
      if (f.result !== undefined) s.byte(TYPE_CODES[f.result]);
    }
  });
  section(2, (s) => {
    s.unsigned(1 + imported.length);
    s.text('env');
    s.text('memory');
    s.byte(2);
    s.byte(limits.shared ? 3 : 1);
    s.unsigned(1);
    s.unsigned(limits.maximumPages);
    for (const f of imported) {
      s.text('env');
      s.text(f.name);
      s.byte(0);
      s.unsigned(types.get(signature(f))!);
    }
  });
  section(3, (s) => {
    s.unsigned(own.length);
    for (const f of own) s.unsigned(types.get(signature(f))!);
  });
  const exported = functions.filter((f) => f.exported);
  section(7, (s) => {
    s.unsigned(exported.length);
    for (const f of exported) {
      s.text(f.name);
      s.byte(0);
      s.unsigned(indices.get(f)!);
    }
  });
  section(10, (s) => {
    s.unsigned(own.length);
    const body = new Bytes();
    for (const f of own) {
      body.clear();
      const runs: { type: ValueType; count: number }[] = [];
      for (let i = 0; i < f.locals.length; i++) {
        const { type } = f.locals[i]!;
        const last = runs[runs.length - 1];
        if (last?.type === type) last.count++;
        else runs.push({ type, count: 1 });
      }
      body.unsigned(runs.length);
      for (const run of runs) {
        body.unsigned(run.count);
        body.byte(TYPE_CODES[run.type]);
      }
      encodeBody(body, f.body, indices);
      body.byte(0x0b);
      s.unsigned(body.length);
      s.append(body);
    }
  });
  return out.view().slice();
};
