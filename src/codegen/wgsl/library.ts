/**
 * Functions that shaders bring along: written once, for one number and for four lanes, and printed when something
 * calls them. Most programs need few of them: the rest (`rare.ts`) is brought by whoever meets a shader that lacks some.
 *
 * Invariant: its text depends on nothing but its name; nothing is sent to a device that calls what is not in it.
 */
import { invariant } from '../../ir/errors.ts';
import { bitFunctions } from './functions/bits.ts';
import { byteFunctions } from './functions/bytes.ts';
import { floatFunctions } from './functions/floats.ts';
import type { Shader } from './shader.ts';

/**
 * Templates: `$F $I $U $B` stand for f32, i32, u32, bool or the vectors of four of them. A function that must work lane
 * by lane is written for one number, and called four times for a vector.
 */
const COMMON: readonly string[] = [...bitFunctions, ...byteFunctions, ...floatFunctions];

const SPELLINGS = {
  1: { F: 'f32', I: 'i32', U: 'u32', B: 'bool' },
  4: { F: 'vec4f', I: 'vec4i', U: 'vec4u', B: 'vec4<bool>' },
} as const;

const expand = (template: string, lanes: 1 | 4): string =>
  template.replace(/\$([FIUB])/g, (_, letter: 'F' | 'I' | 'U' | 'B') => SPELLINGS[lanes][letter]);

const nameOf = (text: string): string => /^fn (\w+)/m.exec(text)![1]!;

/** A function of four lanes that calls one of a single number, named like it. */
const laneByLane = (scalar: string): string => {
  const [, name, parameters, result] = /^fn (\w+)\(([^)]*)\) -> (\w+)/m.exec(scalar)!;
  const wide = (type: string): string => `vec4${type[0]}`;
  const names = parameters!.split(',').map((p) => p.trim().split(': '));
  const all = ['x', 'y', 'z', 'w'].map(
    (lane) => `    ${name}(${names.map(([n]) => `${n}.${lane}`).join(', ')}),`,
  );
  return `fn ${name!.replace(/_[a-z]32$/, '')}_${wide(result!)}(${names
    .map(([n, type]) => `${n}: ${wide(type!)}`)
    .join(', ')}) -> ${wide(result!)} {
  return ${wide(result!)}(
${all.join('\n')}
  );
}`;
};

const table = (templates: readonly string[]): Map<string, string> => {
  const texts: string[] = [];
  for (const template of templates) {
    texts.push(expand(template, 1));
    if (template.includes('$')) texts.push(expand(template, 4));
  }
  const all = new Map(texts.map((text) => [nameOf(text), text.trim()]));
  for (const text of texts) {
    if (!/^fn \w+_[fiu]32\([^)]*\) -> [fiu]32/m.test(text)) continue;
    const wide = laneByLane(text);
    if (!all.has(nameOf(wide))) all.set(nameOf(wide), wide);
  }
  return all;
};

/** Of each name at module scope, the function whose text declares it. */
const ownersIn = (texts: ReadonlyMap<string, string>): Map<string, string> =>
  new Map(
    [...texts].flatMap(([name, text]) =>
      [...text.matchAll(/^(?:fn|struct|const) (\w+)/gm)].map(([, own]) => [own!, name]),
    ),
  );

const functions: Map<string, string> = table(COMMON);
const declared: Map<string, string> = ownersIn(functions);

/** From now on, these functions are here, too. */
export const bringFunctions = (templates: readonly string[]): void => {
  const texts = table(templates);
  for (const [name, text] of texts) functions.set(name, text);
  for (const [own, name] of ownersIn(texts)) declared.set(own, name);
};

/** The functions one shader uses. */
export class Library {
  readonly #used = new Set<string>();
  readonly #missing = new Set<string>();

  /** The name of a function, which is printed from now on. */
  use(name: string): string {
    if (this.#used.has(name)) return name;
    const text = functions.get(name);
    if (text === undefined) {
      this.#missing.add(name);
      return name;
    }
    for (const [word] of text.matchAll(/\w+/g)) {
      const owner = declared.get(word);
      if (owner !== undefined && owner !== name) this.use(owner);
    }
    this.#used.add(name);
    return name;
  }

  /** Functions that nobody brought yet. */
  get missing(): readonly string[] {
    return [...this.#missing];
  }

  get text(): string {
    return this.without('');
  }

  /** The text of the functions that are not in `code` already. */
  without(code: string): string {
    const names = [...this.#used].filter((name) => !code.includes(`fn ${name}(`));
    return names.map((name) => `${functions.get(name)!}\n`).join('\n');
  }
}

/** The code of a shader with the functions that were brought after it had been written: WGSL takes them in any order. */
export const completed = ({ code, missing }: Pick<Shader, 'code' | 'missing'>): string => {
  const library = new Library();
  for (const name of missing) library.use(name);
  invariant(library.missing.length === 0, `the library has functions ${library.missing}`);
  return `${code}\n${library.without(code)}`;
};

/** Whether a function, or something that comes with one, has this name. */
export const isDeclared = (name: string): boolean => declared.has(name);
