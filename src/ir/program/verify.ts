/**
 * The rules of programs, checked: a program that passes can be replayed blindly.
 *
 * Invariant: memory is compared by bytes, not by names: temps that share bytes never live at the same time, and
 * launches that touch the same bytes, one of them writing, have a barrier between them.
 */
import { bytesOf } from '../dtype.ts';
import { TigonError } from '../errors.ts';
import { type LazyText, textOf } from '../lazy-text.ts';
import { keptSteps, type Loop, type Program, type ProgramBuffer } from '../program.ts';
import type { ThreadLimits } from '../thread/limits.ts';
import { verifyThread } from '../thread/verify.ts';
import { spannedBytes } from './print.ts';
import { type Launched, loopsAround, rangeOf, sequence } from './sequence.ts';
import { windowAlignment } from './windows.ts';

/** What the device asks for; its `Caps` are one. */
export interface ProgramLimits extends ThreadLimits {
  /** 'wgsl' binds buffers in one place as one. */
  readonly target: 'wasm' | 'wgsl' | 'cuda';
  /** Most global buffers of a launch, scalars not counted. */
  readonly maxBindings: number;
  /** Of arena offsets, in bytes. */
  readonly alignment: number;
}

/**
 * Checks that `program` keeps the rules of L4.
 *
 * @throws {VerifyError} that names the program, the buffer or step, and the broken rule
 *
 * @see {@link verifyGraph}
 */
export const verifyProgram = (program: Program, limits?: ProgramLimits): void => {
  for (const kernel of program.kernels) verifyThread(kernel, limits);
  program.buffers.forEach((_, i) => {
    checkBuffer(program, i, limits?.alignment ?? 1);
  });
  checkLoops(program);
  program.steps.forEach((_, i) => {
    checkBindings(program, i, limits);
    if (limits !== undefined) checkLimits(program, i, limits);
  });
  checkKept(program);
  // What two rounds of a loop keep, all do.
  const launches = sequence(program, 2);
  checkOverlaps(program, launches, lifetimes(program, launches));
  checkBarriers(program, launches);
  rule(
    program,
    'arena',
    program.lowerBoundBytes <= program.arenaBytes,
    () => `${program.arenaBytes} bytes is less than what lives at once, ${program.lowerBoundBytes}`,
  );
};

function rule(program: Program, where: LazyText, holds: boolean, text: LazyText): asserts holds {
  if (!holds)
    throw new TigonError('verify', `program ${program.name}, ${textOf(where)}: ${textOf(text)}`);
}

const isWritable = (b: ProgramBuffer): boolean =>
  b.role === 'temp' || b.role === 'kept' || b.role === 'output' || b.role === 'state';

const checkBuffer = (program: Program, i: number, alignment: number): void => {
  const b = program.buffers[i]!;
  const check = (holds: boolean, text: LazyText): void => rule(program, b.name, holds, text);
  check(b.shape.length === b.strides.length, 'one stride per axis');
  check(
    b.bytes >= spannedBytes(b),
    () => `${b.bytes} bytes do not hold its elements (${spannedBytes(b)})`,
  );
  check(
    (b.values !== undefined) === (b.role === 'constant'),
    'constants, and only they, have values',
  );
  if (b.values !== undefined)
    check(
      b.values.length * bytesOf(b.dtype) === b.bytes,
      `${b.values.length} values in ${b.bytes} bytes`,
    );
  if (b.role !== 'temp') {
    check(b.offset === undefined && b.inPlaceOf === undefined, 'only temps live in the arena');
    return;
  }
  const { offset } = b;
  check(offset !== undefined, 'a temp needs an offset');
  check(
    Number.isInteger(offset) && offset! >= 0 && offset! % alignment === 0,
    () => `offset ${offset} is not a multiple of ${alignment}`,
  );
  check(
    offset! + b.bytes <= program.arenaBytes,
    () => `bytes ${offset}..${offset! + b.bytes} lie outside the arena of ${program.arenaBytes}`,
  );
  if (b.inPlaceOf === undefined) return;
  const other = program.buffers[b.inPlaceOf];
  check(
    other?.role === 'temp' && other !== b && other.offset === offset && other.bytes >= b.bytes,
    'it can only take the place of another temp that is as large, at the same offset',
  );
};

const showStep = (program: Program, i: number): string => {
  const name = program.kernels[program.steps[i]!.kernel]?.name ?? '?';
  return `step ${i} (${name})`;
};

/** Loops contain each other or lie apart, and others' launches wait at their ends. */
const checkLoops = (program: Program): void => {
  program.loops.forEach((loop, i) => {
    const { first, end, trips } = loop;
    const check = (holds: boolean, text: LazyText): void =>
      rule(program, () => `loop ${i} (steps ${first} to ${end - 1})`, holds, text);
    check(first >= 0 && first < end && end <= program.steps.length, 'it has no such steps');
    check(Number.isInteger(trips) && trips >= 1, () => `${trips} trips`);
    const before = program.loops[i - 1];
    check(before === undefined || before.first <= first, 'it stands behind a later one');
    for (const outer of program.loops.slice(0, i))
      check(first >= outer.end || end <= outer.end, 'it is not inside the loop that it begins in');
    check(program.steps[first]!.barrier, 'it begins without a barrier');
    check(program.steps[end]?.barrier !== false, 'what comes after it has no barrier');
  });
};

/** What is kept from call to call is written before all else, and by no loop. */
const checkKept = (program: Program): void => {
  const count = keptSteps(program);
  rule(
    program,
    'kept steps',
    program.loops.every((l) => l.first >= count),
    'a loop runs some of them again',
  );
  program.steps.slice(count).forEach(({ kernel, bindings }, i) => {
    const globals = program.kernels[kernel]?.buffers.filter((b) => b.space === 'global') ?? [];
    const late = bindings.find(
      (b, j) => program.buffers[b]?.role === 'kept' && globals[j]?.access !== 'read',
    );
    rule(
      program,
      () => showStep(program, count + i),
      late === undefined,
      () => `${program.buffers[late!]!.name} is kept, and written behind the steps that fill it`,
    );
  });
};

/** What a step binds of a buffer lies in it in every round. */
const checkWindow = (program: Program, i: number, j: number, limits?: ProgramLimits): void => {
  const { bindings, windows, kernel } = program.steps[i]!;
  const window = windows?.[j];
  if (window === undefined) return;
  const buffer = program.buffers[bindings[j]!]!;
  const check = (holds: boolean, text: LazyText): void =>
    rule(program, () => `${showStep(program, i)}, ${buffer.name}`, holds, text);
  const loops = loopsAround(program, i);
  check(window.strides.length === loops.length, () => `${loops.length} loops need a stride each`);
  const alignment = limits === undefined ? 1 : windowAlignment(limits);
  check(
    [window.offset, ...window.strides].every((n) => Number.isInteger(n) && n % alignment === 0),
    () => `offset and strides must be multiples of ${alignment}`,
  );
  let [low, high] = [window.offset, window.offset];
  window.strides.forEach((stride, l) => {
    const most = stride * (loops[l]!.trips - 1);
    low += Math.min(0, most);
    high += Math.max(0, most);
  });
  const global = program.kernels[kernel]!.buffers.filter((b) => b.space === 'global')[j]!;
  high += global.elements * bytesOf(global.dtype);
  check(
    low >= 0 && high <= buffer.bytes,
    () => `bytes ${low}..${high} lie outside its ${buffer.bytes} bytes`,
  );
};

const checkBindings = (program: Program, i: number, limits?: ProgramLimits): void => {
  const step = program.steps[i]!;
  const check = (holds: boolean, text: LazyText): void =>
    rule(program, () => showStep(program, i), holds, text);
  const kernel = program.kernels[step.kernel];
  check(kernel !== undefined, () => `there is no kernel ${step.kernel}`);
  const globals = kernel!.buffers.filter((b) => b.space === 'global');
  check(
    globals.length === step.bindings.length,
    () => `${step.bindings.length} bindings for ${globals.length} buffers`,
  );
  globals.forEach((global, j) => {
    const buffer = program.buffers[step.bindings[j]!];
    check(buffer !== undefined, () => `there is no buffer ${step.bindings[j]}`);
    check(
      buffer!.dtype === global.dtype,
      () => `${global.name} holds ${global.dtype}, ${buffer!.name} is ${buffer!.dtype}`,
    );
    check(
      global.elements * bytesOf(global.dtype) <= buffer!.bytes,
      () =>
        `${global.name} reaches ${global.elements} elements, ${buffer!.name} has ${buffer!.bytes} bytes`,
    );
    check(
      global.access === 'read' || isWritable(buffer!),
      () => `${buffer!.name} (${buffer!.role}) is written`,
    );
    checkWindow(program, i, j, limits);
  });
};

/** What a device binds for a launch: buffers in one place are one, scalars go elsewhere. */
const checkLimits = (program: Program, i: number, limits: ProgramLimits): void => {
  const check = (holds: boolean, text: LazyText): void =>
    rule(program, () => showStep(program, i), holds, text);
  const bound = new Map<ProgramBuffer, ProgramBuffer>();
  for (const binding of program.steps[i]!.bindings) {
    const buffer = program.buffers[binding]!;
    if (buffer.role === 'scalar') continue;
    const place = placeOf(program, buffer);
    const other = bound.get(place);
    bound.set(place, buffer);
    check(
      limits.target !== 'wgsl' || other === undefined || other.dtype === buffer.dtype,
      () => `${other?.name} (${other?.dtype}) and ${buffer.name} (${buffer.dtype}) are one binding`,
    );
  }
  check(
    bound.size <= limits.maxBindings,
    () => `${bound.size} bindings, the device has ${limits.maxBindings}`,
  );
};

/** The temp whose place a buffer took, or the buffer itself. */
const placeOf = (program: Program, buffer: ProgramBuffer): ProgramBuffer => {
  let first = buffer;
  while (first.inPlaceOf !== undefined) first = program.buffers[first.inPlaceOf]!;
  return first;
};

interface Access {
  readonly buffer: number;
  readonly reads: boolean;
  readonly writes: boolean;
  /** Bytes of the buffer that it touches. */
  readonly begin: number;
  readonly end: number;
}

const accesses = (program: Program, launched: Launched): Access[] => {
  const { kernel, bindings } = program.steps[launched.step]!;
  return program.kernels[kernel]!.buffers.filter((b) => b.space === 'global').map((b, j) => {
    const [begin, end] = rangeOf(program, launched, j);
    return {
      buffer: bindings[j]!,
      reads: b.access !== 'write',
      writes: b.access !== 'read',
      begin,
      end,
    };
  });
};

interface Life {
  readonly first: number;
  readonly last: number;
}

/** The loops that all uses of each temp are in: it lives in one round of these, not longer. */
const homesOf = (program: Program): ReadonlyMap<number, ReadonlySet<Loop>> => {
  const homes = new Map<number, ReadonlySet<Loop>>();
  program.steps.forEach(({ bindings }, i) => {
    const around = new Set(loopsAround(program, i));
    for (const b of bindings) homes.set(b, shared(homes.get(b), around));
  });
  return homes;
};

const shared = (a: ReadonlySet<Loop> | undefined, b: ReadonlySet<Loop>): ReadonlySet<Loop> =>
  a === undefined ? b : new Set([...a].filter((l) => b.has(l)));

/**
 * First and last launch that touch each temp, of two rounds of each loop. A temp or output is written before it is
 * read, and every output is written.
 */
const lifetimes = (program: Program, launches: readonly Launched[]): ReadonlyMap<number, Life> => {
  const lives = new Map<number, Life>();
  const written = new Set<number>();
  const homes = homesOf(program);
  launches.forEach((launched, i) => {
    const list = accesses(program, launched);
    const around = loopsAround(program, launched.step);
    for (const { buffer, reads, writes } of list) {
      const b = program.buffers[buffer]!;
      const fresh = isUnwritten(b) && !written.has(buffer);
      // A kernel may read what it wrote itself ('readwrite'); verifying that is the interpreter's work.
      rule(
        program,
        showStep(program, launched.step),
        !(fresh && reads && !writes),
        () => `${b.name} is read before anything is written to it`,
      );
      const again = around.some((l, d) => homes.get(buffer)!.has(l) && launched.counters[d]! > 0);
      if (b.role === 'temp' && !again)
        lives.set(buffer, { first: lives.get(buffer)?.first ?? i, last: i });
    }
    for (const { buffer, writes } of list) if (writes) written.add(buffer);
  });
  program.buffers.forEach((b, i) => {
    rule(
      program,
      b.name,
      b.role !== 'output' || b.bytes === 0 || written.has(i),
      'no step writes this output',
    );
  });
  return lives;
};

/** Whether nothing is in a buffer before a step has written it. */
const isUnwritten = ({ role }: ProgramBuffer): boolean =>
  role === 'temp' || role === 'kept' || role === 'output';

const shareBytes = (a: ProgramBuffer, b: ProgramBuffer): boolean =>
  a.role === 'temp' &&
  b.role === 'temp' &&
  a.offset! < b.offset! + b.bytes &&
  b.offset! < a.offset! + a.bytes;

const checkOverlaps = (
  program: Program,
  launches: readonly Launched[],
  lives: ReadonlyMap<number, Life>,
): void => {
  // `after` may take `before`'s place in the launch that reads the one last and writes the other first.
  const hands = (before: number, after: number): boolean =>
    program.buffers[after]!.inPlaceOf === before &&
    lives.get(before)!.last === lives.get(after)!.first;
  for (const [i, a] of lives)
    for (const [j, b] of lives) {
      if (j <= i || a.last < b.first || b.last < a.first) continue;
      const [x, y] = [program.buffers[i]!, program.buffers[j]!];
      rule(
        program,
        () => `${x.name} and ${y.name}`,
        !shareBytes(x, y) || hands(i, j) || hands(j, i),
        () =>
          `they share bytes and are both alive in step ${launches[Math.max(a.first, b.first)]!.step}`,
      );
    }
};

/** Whether two launches touch the same bytes. */
const meet = (program: Program, a: Access, b: Access): boolean => {
  const [x, y] = [program.buffers[a.buffer]!, program.buffers[b.buffer]!];
  if (a.buffer !== b.buffer && (x.role !== 'temp' || y.role !== 'temp')) return false;
  const [atX, atY] = a.buffer === b.buffer ? [0, 0] : [x.offset!, y.offset!];
  return atX + a.begin < atY + b.end && atY + b.begin < atX + a.end;
};

const checkBarriers = (program: Program, launches: readonly Launched[]): void => {
  let since: (Access & { readonly step: number })[] = [];
  for (const launched of launches) {
    const { step } = launched;
    if (program.steps[step]!.barrier) since = [];
    const list = accesses(program, launched);
    for (const now of list)
      for (const before of since) {
        if (!now.writes && !before.writes) continue;
        rule(
          program,
          showStep(program, step),
          !meet(program, now, before),
          () =>
            `it needs a barrier: it shares ${program.buffers[now.buffer]!.name} with ${showStep(program, before.step)}`,
        );
      }
    since.push(...list.map((access) => ({ ...access, step })));
  }
};
