/**
 * Reads programs from `.tg` text.
 *
 * Invariant: every name in a step or an `inplace` refers to a buffer or kernel listed above it.
 */
import type { BufferRole, Dispatch, Loop, Program, ProgramBuffer, Window } from '../program.ts';
import { parseWith, type Rule } from '../text/grammar.ts';
import * as T from '../text/lexer.ts';
import { readType } from '../text/read-type.ts';
import { didYouMean, errorAt, type Source } from '../text/source.ts';
import type { Name, TypeSyntax } from '../text/syntax.ts';
import { ThreadRules, type ThreadSyntax } from '../thread/grammar.ts';
import { readThread } from '../thread/parse.ts';
import { stridesOf } from '../type.ts';
import { spannedBytes } from './print.ts';

interface BufferSyntax {
  readonly role: BufferRole;
  readonly name: Name;
  readonly type: TypeSyntax;
  readonly bytes: number | undefined;
  readonly offset: number | undefined;
  readonly inPlaceOf: Name | undefined;
  readonly values: readonly number[] | undefined;
}
interface BindingSyntax {
  readonly buffer: Name;
  /** Offset, then strides. */
  readonly window: readonly number[] | undefined;
}
interface LaunchSyntax {
  readonly kind: 'launch';
  readonly barrier: boolean;
  readonly kernel: Name;
  readonly bindings: readonly BindingSyntax[];
}
interface LoopSyntax {
  readonly kind: 'loop';
  readonly trips: number;
  readonly steps: readonly StepSyntax[];
}
type StepSyntax = LaunchSyntax | LoopSyntax;
interface ProgramSyntax {
  readonly name: Name;
  readonly arena: number;
  readonly lowerBound: number;
  readonly buffers: readonly BufferSyntax[];
  readonly kernels: readonly ThreadSyntax[];
  readonly steps: readonly StepSyntax[];
}

class ProgramGrammar extends ThreadRules {
  constructor() {
    super();
    this.performSelfAnalysis();
  }

  readonly program: Rule<ProgramSyntax> = this.RULE('program', () => {
    const buffers: BufferSyntax[] = [];
    const kernels: ThreadSyntax[] = [];
    const steps: StepSyntax[] = [];
    this.CONSUME(T.K.program);
    const name = this.SUBRULE(this.bareName);
    this.CONSUME(T.OpenBrace);
    this.CONSUME(T.K.arena);
    const arena = this.SUBRULE(this.number);
    this.CONSUME(T.Comma);
    const lowerBound = this.SUBRULE1(this.number);
    this.MANY(() => buffers.push(this.SUBRULE(this.programBuffer)));
    this.MANY1(() => kernels.push(this.SUBRULE(this.thread)));
    this.MANY2(() => steps.push(this.SUBRULE(this.step)));
    this.CONSUME(T.CloseBrace);
    return { name, arena, lowerBound, buffers, kernels, steps };
  });

  private readonly role: Rule<BufferRole> = this.RULE(
    'role',
    () =>
      this.OR([
        { ALT: () => this.CONSUME(T.K.input).image },
        { ALT: () => this.CONSUME(T.K.state).image },
        { ALT: () => this.CONSUME(T.K.output).image },
        { ALT: () => this.CONSUME(T.K.scalar).image },
        { ALT: () => this.CONSUME(T.K.constant).image },
        { ALT: () => this.CONSUME(T.K.kept).image },
        { ALT: () => this.CONSUME(T.K.temp).image },
      ]) as BufferRole,
  );

  private readonly programBuffer: Rule<BufferSyntax> = this.RULE('programBuffer', () => {
    const role = this.SUBRULE(this.role);
    const name = this.SUBRULE(this.bareName);
    this.CONSUME(T.Colon);
    const type = this.SUBRULE(this.type);
    const bytes = this.OPTION(() => {
      this.CONSUME(T.K.bytes);
      return this.SUBRULE(this.number);
    });
    const offset = this.OPTION1(() => {
      this.CONSUME(T.K.offset);
      return this.SUBRULE1(this.number);
    });
    const inPlaceOf = this.OPTION2(() => {
      this.CONSUME(T.K.inplace);
      return this.SUBRULE1(this.bareName);
    });
    const values = this.OPTION3(() => {
      this.CONSUME(T.Is);
      return this.SUBRULE(this.numbers);
    });
    return { role, name, type, bytes, offset, inPlaceOf, values };
  });

  private readonly step: Rule<StepSyntax> = this.RULE(
    'programStep',
    (): StepSyntax =>
      this.OR([
        { ALT: (): StepSyntax => this.SUBRULE(this.programLoop) },
        { ALT: (): StepSyntax => this.SUBRULE(this.launch) },
      ]),
  );

  private readonly programLoop: Rule<LoopSyntax> = this.RULE('programLoop', (): LoopSyntax => {
    const steps: StepSyntax[] = [];
    this.CONSUME(T.K.loop);
    const trips = this.SUBRULE(this.number);
    this.CONSUME(T.OpenBrace);
    this.AT_LEAST_ONE(() => steps.push(this.SUBRULE(this.step)));
    this.CONSUME(T.CloseBrace);
    return { kind: 'loop', trips, steps };
  });

  private readonly binding: Rule<BindingSyntax> = this.RULE('binding', (): BindingSyntax => {
    const buffer = this.SUBRULE(this.bareName);
    const window = this.OPTION(() => this.SUBRULE(this.numbers));
    return { buffer, window };
  });

  private readonly launch: Rule<LaunchSyntax> = this.RULE('launch', (): LaunchSyntax => {
    const bindings: BindingSyntax[] = [];
    let barrier = false;
    this.OPTION(() => {
      this.CONSUME(T.K.barrier);
      barrier = true;
    });
    this.CONSUME(T.K.run);
    const kernel = this.SUBRULE(this.bareName);
    this.CONSUME(T.OpenParen);
    this.MANY_SEP({
      SEP: T.Comma,
      DEF: () => bindings.push(this.SUBRULE(this.binding)),
    });
    this.CONSUME(T.CloseParen);
    return { kind: 'launch', barrier, kernel, bindings };
  });
}

let grammar: ProgramGrammar | undefined;

/**
 * The program that `text` describes; see docs/ir.md for the format.
 *
 * @throws {ParseError} with line, column and the offending line
 *
 * @see {@link parseText}
 */
export const parseProgram = (text: string, file = 'text'): Program => {
  grammar ??= new ProgramGrammar();
  const source = { text, file };
  const syntax = parseWith(grammar, source, (g) => g.program());
  const buffers = indexNames(source, syntax.buffers);
  const kernels = indexNames(source, syntax.kernels);
  return {
    name: syntax.name.text,
    buffers: syntax.buffers.map((b) => readBuffer(source, b, buffers)),
    kernels: syntax.kernels.map((k) => readThread(source, k)),
    ...flatten(syntax.steps, ({ kernel, bindings, barrier }) => ({
      kernel: find(source, kernels, kernel, 'kernel'),
      bindings: bindings.map(({ buffer }) => find(source, buffers, buffer, 'buffer')),
      ...(bindings.some((b) => b.window !== undefined) ? { windows: bindings.map(windowOf) } : {}),
      barrier,
    })),
    arenaBytes: syntax.arena,
    lowerBoundBytes: syntax.lowerBound,
  };
};

const windowOf = ({ window }: BindingSyntax): Window | undefined =>
  window && { offset: window[0] ?? 0, strides: window.slice(1) };

/** The steps in a row, and which of them loops run again. */
const flatten = (
  syntax: readonly StepSyntax[],
  read: (launch: LaunchSyntax) => Dispatch,
): Pick<Program, 'steps' | 'loops'> => {
  const steps: Dispatch[] = [];
  const loops: Loop[] = [];
  const visit = (step: StepSyntax): void => {
    if (step.kind === 'launch') {
      steps.push(read(step));
      return;
    }
    const at = loops.push({ first: steps.length, end: steps.length, trips: step.trips }) - 1;
    step.steps.forEach(visit);
    loops[at] = { ...loops[at]!, end: steps.length };
  };
  syntax.forEach(visit);
  return { steps, loops };
};

const readBuffer = (
  source: Source,
  syntax: BufferSyntax,
  buffers: ReadonlyMap<string, number>,
): ProgramBuffer => {
  const { dtype, shape } = readType(source, syntax.type);
  const strides = syntax.type.strides ?? stridesOf(shape);
  return {
    name: syntax.name.text,
    dtype,
    shape,
    strides,
    role: syntax.role,
    bytes: syntax.bytes ?? spannedBytes({ dtype, shape, strides }),
    offset: syntax.offset,
    inPlaceOf: syntax.inPlaceOf && find(source, buffers, syntax.inPlaceOf, 'buffer'),
    values: syntax.values,
  };
};

const indexNames = (
  source: Source,
  list: readonly { readonly name: Name }[],
): ReadonlyMap<string, number> => {
  const index = new Map<string, number>();
  list.forEach(({ name }, i) => {
    if (index.has(name.text)) throw errorAt(source, name.token, `${name.text} is listed twice`);
    index.set(name.text, i);
  });
  return index;
};

const find = (
  source: Source,
  index: ReadonlyMap<string, number>,
  name: Name,
  what: string,
): number => {
  const i = index.get(name.text);
  if (i === undefined)
    throw errorAt(
      source,
      name.token,
      `the program has no ${what} ${name.text}`,
      didYouMean(name.text, index.keys()),
    );
  return i;
};
