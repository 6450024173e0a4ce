/**
 * Functions that a translation unit brings along: printed when something calls them, each behind those it calls.
 *
 * Invariant: the text of a function depends on nothing but its name and the type of its first parameter; a function of
 * four lanes has the name of the one of a single number.
 */
import { invariant } from '../../ir/errors.ts';
import type { Elem, RegType } from '../../ir/thread/thread.ts';
import { integerFunctions } from './functions/integers.ts';
import { laneByLane, laneFunctions, operatorText, signatureOf } from './functions/lanes.ts';
import { memoryFunctions } from './functions/memory.ts';
import { numberFunctions } from './functions/numbers.ts';
import { type DeviceFunction, deviceFunctions, deviceText } from './ptx.ts';
import { bulkFunction } from './ptx-bulk.ts';
import { typeName } from './types.ts';

/**
 * Functions of float that CUDA has: within 2 units of the last place, tangents and powers within 4, all right at the
 * extremes (CUDA C++ Programming Guide, mathematical functions).
 */
const OF_ONE =
  `expf expm1f logf log1pf sinf cosf tanf tanhf erff sqrtf rsqrtf floorf ceilf rintf fabsf`.split(
    ' ',
  );
const BUILTIN: ReadonlySet<string> = new Set([...OF_ONE, 'fmodf', 'powf', 'floor']);

/** What a function is found by: its name and the type of its first parameter. */
interface Key {
  readonly name: string;
  readonly first: string;
}

interface Entry extends Key {
  readonly text: string;
}

const entry = (text: string): Entry => {
  const { name, parameters } = signatureOf(text);
  return { name, first: parameters[0]!.type.replace(/^const |[*]$/g, ''), text: text.trim() };
};

const SCALARS: ReadonlySet<string> = new Set(['float', 'int', 'unsigned', 'bool']);

/** All functions, by name and then by the type of the first parameter. */
const table = (): ReadonlyMap<string, ReadonlyMap<string, Entry>> => {
  const scalars = [...numberFunctions, ...integerFunctions];
  const device = Object.values(deviceFunctions).map((f) => `DEVICE ${f.signature}`);
  const builtin = OF_ONE.map((name) => `DEVICE float ${name}(float x)`);
  const widened = [...scalars, ...device, ...builtin].flatMap((text) => {
    if (!/^\s*DEVICE [\w ]+ \w+\([^)]+\)/.test(text)) return [];
    const signature = signatureOf(text);
    const types = [signature.result, ...signature.parameters.map((p) => p.type)];
    return types.every((type) => SCALARS.has(type)) ? [laneByLane(signature)] : [];
  });
  const all = new Map<string, Map<string, Entry>>();
  for (const text of [...scalars, ...memoryFunctions, ...laneFunctions, ...widened]) {
    const own = entry(text);
    const overloads = all.get(own.name) ?? new Map<string, Entry>();
    all.set(own.name, overloads.set(own.first, own));
  }
  return all;
};

const functions = table();
const deviceFunction = (name: string): DeviceFunction | undefined =>
  Object.hasOwn(deviceFunctions, name) ? deviceFunctions[name] : bulkFunction(name);
const isDevice = (name: string): boolean => deviceFunction(name) !== undefined;

/** Whether something that comes along, or that CUDA has, is called so. */
export const isDeclared = (name: string): boolean =>
  functions.has(name) || isDevice(name) || BUILTIN.has(name);

/** Functions that are used, each behind those it calls. */
export interface LibraryTexts {
  /** What only the device can. */
  readonly device: readonly string[];
  /** In C++. */
  readonly plain: readonly string[];
}

/** The functions one translation unit uses. */
export class Library {
  readonly #texts = new Map<string, string>();
  readonly #device = new Set<string>();

  /** The name of a function, or an operator of vectors, which is printed from now on: of operands of this type. */
  use(name: string, type: RegType): string {
    if (name.startsWith('operator')) this.#operator(name.slice(8).trim(), type.elem);
    else this.#call({ name, first: typeName(type) }, false);
    return name;
  }

  /** A function that there is one of. */
  one(name: string): string {
    this.#call({ name, first: '' }, true);
    return name;
  }

  /** Functions of the device, then those in C++. */
  get texts(): LibraryTexts {
    const names = Object.keys(deviceFunctions).filter((name) => this.#device.has(name));
    const bulk = [...this.#device].filter((name) => !names.includes(name)).sort();
    return {
      device: [...names, ...bulk].map((name) => deviceText(deviceFunction(name)!)),
      plain: [...this.#texts.values()],
    };
  }

  #operator(operator: string, elem: Elem): void {
    this.#add(`${operator} ${elem}`, operatorText(operator, elem), typeName({ elem, lanes: 1 }));
  }

  /** `only`: a function that there is one of will do, whatever it takes. */
  #call({ name, first }: Key, only: boolean): void {
    const overloads = functions.get(name);
    const exact = overloads?.get(first);
    if (exact === undefined && isDevice(name)) {
      this.#device.add(name);
      return;
    }
    if (exact === undefined && BUILTIN.has(name)) return;
    const one = only && overloads?.size === 1 ? [...overloads.values()][0] : undefined;
    const found = exact ?? one;
    invariant(found !== undefined, `the library has a function ${name} of ${first}`);
    this.#add(`${name} ${found.first}`, found.text, found.first);
  }

  /** A text, after what it calls: functions of the same type, or that there is one of. */
  #add(key: string, text: string, first: string): void {
    if (this.#texts.has(key)) return;
    if (/\bbool4\b/.test(text)) this.#texts.set('bool4', BOOL4);
    const [own, ...calls] = [...text.matchAll(/(?<![:\w])(\w+)\(/g)].map(([, name]) => name!);
    const scalar = first.replace(/4$/, '').replace(/^uint$/, 'unsigned');
    for (const name of calls)
      if (isDeclared(name)) this.#call({ name, first: scalar }, true);
      else invariant(name === own || /^(operator|if|return)/.test(name), `${name} is a function`);
    this.#texts.set(key, text);
  }
}

/** The one vector that CUDA has not. */
const BOOL4 = 'struct bool4 { bool x, y, z, w; };';
