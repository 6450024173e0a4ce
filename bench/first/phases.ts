/**
 * Phases of a first call, told by the functions that samples were taken in.
 *
 * Invariant: every sample counts for one phase; what no function of the table is on the stack of is `other`. Time that
 * other processes had counts for none.
 */

/** What V8's sampling profiler gives. */
export interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

/** By the innermost of these on the stack. Bundling numbers names that come twice. */
const PHASES: readonly (readonly [phase: string, functionName: RegExp])[] = [
  ['trace', /^trace\d*$/],
  ['graph passes', /^compileGraph$/],
  ['fuse and lower', /^lowerGraph$/],
  [
    'estimate splits',
    /^(transformOnce|splitContraction|packOnce|splitReductions|splitRunning)\d*$/,
  ],
  ['order', /^(indexBuffers|arrange)$/],
  ['schedule', /^schedule\d*$/],
  ['clean up', /^cleanup\d*$/],
  ['plan memory', /^bindKernels$/],
  ['emit', /^renderProgram$/],
  ['WebAssembly', /^CpuExecutable$/],
  ['run', /^#replay$/],
  ['start threads', /^start$/],
  ['collect garbage', /^\(garbage collector\)$/],
];

export const PHASE_NAMES: readonly string[] = [...PHASES.map(([phase]) => phase), 'other'];

/** Samples that are further apart had another process between them: microseconds. */
const LONGEST = 250;

/** Milliseconds of each phase, of those that the thread had in all. */
export const sharesOf = (
  { nodes, samples, timeDeltas }: Profile,
  all: number,
): Record<string, number> => {
  const parents = new Map<number, number>();
  for (const { id, children = [] } of nodes) for (const child of children) parents.set(child, id);
  const names = new Map(nodes.map(({ id, callFrame }) => [id, callFrame.functionName]));
  const phaseOf = new Map<number, string>();
  const phase = (id: number | undefined): string => {
    if (id === undefined) return 'other';
    const known = phaseOf.get(id);
    if (known !== undefined) return known;
    const own = PHASES.find(([, name]) => name.test(names.get(id) ?? ''))?.[0];
    const found = own ?? phase(parents.get(id));
    phaseOf.set(id, found);
    return found;
  };
  const shares = new Map<string, number>();
  let sum = 0;
  samples.forEach((id, i) => {
    const name = phase(id);
    // a sample stands for the time until the next
    const share = Math.min(LONGEST, timeDeltas[i + 1] ?? 0);
    shares.set(name, (shares.get(name) ?? 0) + share);
    sum += share;
  });
  return Object.fromEntries([...shares].map(([name, share]) => [name, (all * share) / sum]));
};
