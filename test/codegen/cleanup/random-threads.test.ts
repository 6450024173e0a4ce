/**
 * Clean-up of random kernels with threads that meet: the same results in every order of threads, bit for bit.
 *
 * Invariant: the kernels are free of races by construction: threads write shared memory at places of their own, with
 * barriers around, and global memory at places that no other thread has.
 */
import { test } from 'uvu';
import { cleanup } from '../../../src/codegen/cleanup.ts';
import { interpretThread } from '../../../src/ir/thread/interpret.ts';
import { parseThread } from '../../../src/ir/thread/parse.ts';
import { printThread } from '../../../src/ir/thread/print.ts';
import type { ThreadKernel } from '../../../src/ir/thread/thread.ts';
import { verifyThread } from '../../../src/ir/thread/verify.ts';

const THREADS = 8;
const GROUPS = 3;
const OWN = 4;

const generator = (seed: number): ((n: number) => number) => {
  let state = seed | 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 10) % n;
  };
};

/** The text of a random kernel. */
const randomText = (seed: number): string => {
  const pick = generator(seed);
  const oneOf = <T>(list: readonly T[]): T => list[pick(list.length)]!;
  let names = 0;
  const fresh = (): string => `r${names++}`;
  const floats: string[] = [];
  const vars: string[] = [];
  /** Integers that are equal in all threads, and those that are not. */
  const uniform = ['group', '2'];
  const own = ['local', 'group'];

  const int = (from: readonly string[], depth: number): string => {
    switch (depth <= 0 ? pick(2) : pick(7)) {
      case 0:
        return String(pick(6));
      case 1:
        return oneOf(from);
      case 2:
      case 3:
        return `(${int(from, depth - 1)} + ${int(from, depth - 1)})`;
      case 4:
        return `(${int(from, depth - 1)} * ${pick(5)})`;
      case 5:
        return `floordiv(${int(from, depth - 1)}, ${1 + pick(8)})`;
      default:
        return `mod(${int(from, depth - 1)}, ${1 + pick(8)})`;
    }
  };
  const condition = (from: readonly string[]): string =>
    `${int(from, 2)} ${oneOf(['<', '<=', '==', '!='])} ${int(from, 1)}`;
  const float = (depth: number, shared: boolean): string => {
    switch (depth <= 0 ? pick(2) : pick(7)) {
      case 0:
        return `${pick(5)}.25`;
      case 1:
        return floats.length > 0 ? oneOf(floats) : '0.5';
      case 2:
        return `x[mod(${int(own, 2)}, 32)]`;
      case 3:
        return `${shared ? 's' : 'x'}[mod(${int(own, 2)}, ${THREADS})]`;
      case 4:
        return mine();
      case 5:
        return `select(${condition(own)}, ${float(depth - 1, shared)}, ${float(depth - 1, shared)})`;
      default:
        return `(${float(depth - 1, shared)} ${oneOf(['+', '*', '-'])} ${float(depth - 1, shared)})`;
    }
  };
  const mine = (): string => `y[(group * ${THREADS} + local) * ${OWN} + ${pick(OWN)}]`;
  const declare = (kind: 'let' | 'var', value: string): string => {
    const name = fresh();
    floats.push(name);
    if (kind === 'var') vars.push(name);
    return `${kind} ${name} = ${value}`;
  };
  const scoped = (body: () => string): string => {
    const [f, v, u, o] = [floats.length, vars.length, uniform.length, own.length];
    const text = body();
    [floats.length, vars.length, uniform.length, own.length] = [f, v, u, o];
    return `{ ${text} }`;
  };
  const list = (one: () => string): string => Array.from({ length: 2 + pick(4) }, one).join('\n');

  const alone = (depth: number): string => {
    switch (pick(depth > 0 ? 7 : 5)) {
      case 0:
        return declare('let', float(2, true));
      case 1:
        return declare('var', float(2, true));
      case 2:
        return `${mine()} = ${float(3, true)}`;
      case 3: {
        const name = fresh();
        const text = `let ${name} = ${int(own, 3)}`;
        own.push(name);
        return text;
      }
      case 4:
        return vars.length > 0 ? `set ${oneOf(vars)} = ${float(2, true)}` : `${mine()} = 1.0`;
      case 5:
        return `if ${condition(own)} ${scoped(() => list(() => alone(depth - 1)))}`;
      default: {
        const counter = fresh();
        return `for ${counter} in ${pick(2)}..min(${int(own, 2)}, 3) ${scoped(() => {
          own.push(counter);
          return list(() => alone(depth - 1));
        })}`;
      }
    }
  };
  const together = (depth: number): string => {
    switch (pick(depth > 0 ? 8 : 5)) {
      case 0:
        return alone(2);
      case 1: {
        const name = fresh();
        const text = `let ${name} = ${int(uniform, 3)}`;
        uniform.push(name);
        own.push(name);
        return text;
      }
      case 2: {
        const name = fresh();
        const text = `exchange ${name} = ${float(2, true)} across ${1 + pick(THREADS - 1)}`;
        floats.push(name);
        return text;
      }
      case 3: {
        const value = declare('let', float(2, true));
        const place = `mod(local * ${oneOf([1, 3, 5, 7])} + ${int(uniform, 2)}, ${THREADS})`;
        return `${value}\nbarrier\ns[${place}] = ${floats.at(-1)!}\nbarrier`;
      }
      case 4:
        return vars.length > 0 ? `set ${oneOf(vars)} = ${float(2, true)}` : 'barrier';
      case 5:
      case 6:
        return `if ${condition(uniform)} ${scoped(() => list(() => together(depth - 1)))} else ${scoped(
          () => list(() => together(depth - 1)),
        )}`;
      default: {
        const counter = fresh();
        return `for ${counter} in ${pick(2)}..min(${int(uniform, 2)}, 3) ${scoped(() => {
          uniform.push(counter);
          own.push(counter);
          return list(() => together(depth - 1));
        })}`;
      }
    }
  };
  const body = `s[local] = 0.5\nbarrier\n${list(() => together(3))}\n${list(() => together(2))}`;
  return `thread random(read x: f32[32], readwrite y: f32[${GROUPS * THREADS * OWN}], shared s: f32[${THREADS}])
    grid ${GROUPS} as group, threads ${THREADS} { ${body} }`;
};

const run = (kernel: ThreadKernel, order: 'forward' | 'reverse' | 'random'): Float64Array => {
  const pick = generator(kernel.buffers[1]!.elements);
  const [x, y] = kernel.buffers.map((b) =>
    Float64Array.from({ length: b.elements }, () => (pick(17) - 8) / 8),
  ) as [Float64Array, Float64Array];
  const memory = new Map([
    [kernel.buffers[0]!, x],
    [kernel.buffers[1]!, y],
  ]);
  interpretThread(kernel, memory, { order, seed: 5 });
  return y;
};

test('random kernels compute the same, in every order (100 seeds)', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const kernel = parseThread(randomText(seed));
    verifyThread(kernel);
    const clean = cleanup(kernel);
    const texts = (): string => `seed ${seed}\n${printThread(kernel)}\n${printThread(clean)}`;
    try {
      verifyThread(clean);
      const want = run(kernel, 'forward');
      for (const order of ['forward', 'reverse', 'random'] as const)
        for (const k of [kernel, clean]) {
          const got = run(k, order);
          if (!want.every((w, i) => Object.is(w, got[i]))) throw new Error(`${want}\n${got}`);
        }
    } catch (error) {
      throw new Error(`${error}\n${texts()}`);
    }
  }
});

test.run();
