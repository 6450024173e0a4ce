/**
 * Functions of the device for warpgroups that work at their own pace: gates (mbarriers), tiles by tensor maps, products of
 * tiles, registers that change hands. All need compute capability 9.0a.
 *
 * Invariant: as in ptx.ts: what a function computes is said here and nowhere else. What one warp does once, its first lane
 * does; all of its lanes call the function.
 */
import { invariant } from '../../ir/errors.ts';
import type { TileOperand } from '../../ir/thread/bulk.ts';
import type { DeviceFunction } from './ptx.ts';

/** A tensor map, as a parameter. */
export const TENSOR_MAP: readonly string[] = [
  'struct __align__(64) TensorMap { unsigned long long words[16]; };',
  '#define TENSOR_MAP const __grid_constant__ TensorMap',
];

const shared = (pointer: string): string => `"r"((unsigned)__cvta_generic_to_shared(${pointer}))`;
const FIRST_LANE = 'if (threadIdx.x % 32 == 0)';

/** The box of a map at some coordinates, the innermost first; its bytes count at a gate. */
const tileLoad = (dimensions: number): DeviceFunction => {
  const names = Array.from({ length: dimensions }, (_, d) => `c${d}`);
  const operands = names.map((_, d) => `%${d + 3}`).join(', ');
  return {
    signature: `void tile_load_${dimensions}(void* to, const TensorMap& map, unsigned* gate, ${names.map((n) => `int ${n}`).join(', ')})`,
    body: `
  ${FIRST_LANE}
    asm volatile(
      "cp.async.bulk.tensor.${dimensions}d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
      "[%0], [%1, {${operands}}], [%2];"
      :: ${shared('to')}, "l"(&map), ${shared('gate')}, ${names.map((n) => `"r"(${n})`).join(', ')}
      : "memory");`,
  };
};

const directive = (name: string, text: string): DeviceFunction => ({
  signature: `void ${name}()`,
  body: ` asm volatile("${text}" ::: "memory"); `,
});

const withNumber = (name: string, what: string, text: string): DeviceFunction => ({
  signature: `template<int ${what}> void ${name}()`,
  body: ` asm volatile("${text} %0;" :: "n"(${what}) : "memory"); `,
});

const fixed: Readonly<Record<string, DeviceFunction>> = {
  gate_open: {
    signature: 'void gate_open(unsigned* gate, int arrivals)',
    body: `
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;"
    :: ${shared('gate')}, "r"(arrivals) : "memory");`,
  },
  /** What opened them lets the copies of tiles know. */
  gates_opened: directive('gates_opened', 'fence.mbarrier_init.release.cluster;'),
  gate_expect: {
    signature: 'void gate_expect(unsigned* gate, int bytes)',
    body: `
  ${FIRST_LANE}
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;"
      :: ${shared('gate')}, "r"(bytes) : "memory");`,
  },
  gate_arrive: {
    signature: 'void gate_arrive(unsigned* gate)',
    body: `
  ${FIRST_LANE}
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" :: ${shared('gate')} : "memory");`,
  },
  gate_await: {
    signature: 'void gate_await(unsigned* gate, int phase)',
    body: `
  asm volatile(
    "{\\n"
    ".reg .pred over;\\n"
    "again:\\n"
    "mbarrier.try_wait.parity.shared::cta.b64 over, [%0], %1;\\n"
    "@over bra done;\\n"
    "bra again;\\n"
    "done:\\n"
    "}"
    :: ${shared('gate')}, "r"(phase) : "memory");`,
  },
  tile_load_2: tileLoad(2),
  tile_load_3: tileLoad(3),
  tile_load_4: tileLoad(4),
  tile_load_5: tileLoad(5),
  /**
   * How matrix units are told of a tile with lines of 128 bytes, permuted in groups of 8: where it is, and how many bytes
   * further on the next 64 rows are, where lines run along rows.
   */
  tile: {
    signature: 'unsigned long long tile(const void* at, int pitch)',
    body: `
  const unsigned long long address = (unsigned)__cvta_generic_to_shared(at) & 0x3ffffu;
  return (1ull << 62) | (64ull << 32) | (unsigned long long)(pitch >> 4) << 16 | address >> 4;`,
  },
  products_begin: directive('products_begin', 'wgmma.fence.sync.aligned;'),
  products_end: directive('products_end', 'wgmma.commit_group.sync.aligned;'),
  settle: withNumber('settle', 'pending', 'wgmma.wait_group.sync.aligned'),
  registers_fewer: withNumber('registers_fewer', 'count', 'setmaxnreg.dec.sync.aligned.u32'),
  registers_more: withNumber('registers_more', 'count', 'setmaxnreg.inc.sync.aligned.u32'),
  /** The warpgroup of this thread, as a number that all lanes of a warp know to be the same. */
  warpgroup: {
    signature: 'int warpgroup()',
    body: ' return __shfl_sync(0xffffffffu, (int)threadIdx.x / 128, 0); ',
  },
};

/** Accumulators of eight columns: their parameters, their floats as operands, and the numbers of these. */
const accumulators = (
  columns: number,
  change: '+' | '=',
): { parameters: string; operands: string; count: number } => {
  const names = Array.from({ length: columns / 8 }, (_, j) => `c${j}`);
  const operands = names.flatMap((c) => [...'xyzw'].map((lane) => `"${change}f"(${c}.${lane})`));
  return {
    parameters: names.map((c) => `float4& ${c}`).join(', '),
    operands: operands.join(', '),
    count: operands.length,
  };
};

/** A product: into what, of what, how wide. */
interface Product {
  readonly name: string;
  readonly inputs: string;
  readonly columns: number;
  /** Whether sums begin with it, instead of being added to. */
  readonly begins: boolean;
  /** Whether the left operand is in registers. */
  readonly words: boolean;
}

/**
 * Adds the product of 64 rows and some columns, 16 elements long. `turned`: lines of the tile run along rows (columns)
 * instead of along the sum.
 */
const product = ({ name, inputs, columns, begins, words }: Product): DeviceFunction => {
  const { parameters, operands, count } = accumulators(columns, begins ? '=' : '+');
  const sums = Array.from({ length: count }, (_, i) => `%${i}`).join(', ');
  const operand = (i: number): string => `%${count + i}`;
  const adds = begins ? 0 : 1;
  const [template, left, text, given] = words
    ? [
        'int turned_b',
        'uint4 a',
        `{${[0, 1, 2, 3].map(operand).join(', ')}}, ${operand(4)}, ${adds}, 1, 1, ${operand(5)}`,
        `${[...'xyzw'].map((lane) => `"r"(a.${lane})`).join(', ')}, "l"(b), "n"(turned_b)`,
      ]
    : [
        'int turned_a, int turned_b',
        'unsigned long long a',
        `${operand(0)}, ${operand(1)}, ${adds}, 1, 1, ${operand(2)}, ${operand(3)}`,
        '"l"(a), "l"(b), "n"(turned_a), "n"(turned_b)',
      ];
  return {
    signature: `template<${template}> void ${name}(${left}, unsigned long long b, ${parameters})`,
    body: `
  asm volatile(
    "wgmma.mma_async.sync.aligned.m64n${columns}k16.f32.${inputs}.${inputs} "
    "{${sums}}, "
    "${text};"
    : ${operands}
    : ${given});`,
  };
};

/** Waits until few products are left, and says that these accumulators were changed by the others. */
const settled = (columns: number): DeviceFunction => {
  const { parameters, operands, count } = accumulators(columns, '+');
  return {
    signature: `template<int pending> void settle_${columns}(${parameters})`,
    body: `
  asm volatile("wgmma.wait_group.sync.aligned %${count};" : ${operands} : "n"(pending) : "memory");`,
  };
};

const made = new Map<string, DeviceFunction | undefined>();

/** A function of this file by its name, those for so many columns made when they are asked for. */
export const bulkFunction = (name: string): DeviceFunction | undefined => {
  if (Object.hasOwn(fixed, name)) return fixed[name];
  if (!made.has(name)) made.set(name, forColumns(name));
  return made.get(name);
};

const forColumns = (name: string): DeviceFunction | undefined => {
  const pattern = /^(?:product(_begin)?(_words)?_(bf16|f16)|settle)_([1-9]\d*)$/;
  const [, begins, words, inputs, digits] = pattern.exec(name) ?? [];
  if (digits === undefined) return undefined;
  const columns = Number(digits);
  if (columns % 8 !== 0 || columns > 256) return undefined;
  if (inputs === undefined) return settled(columns);
  return product({
    name,
    inputs,
    columns,
    begins: begins !== undefined,
    words: words !== undefined,
  });
};

/** Names of those that are the same for all columns. */
export const bulkNames: readonly string[] = Object.keys(fixed);

/** Steps of a product in a line of 64 elements. */
const STEPS = 4;

/** What is added to the description of a tile for 16 elements of the sum, in units of 16 bytes: those of number `step`. */
export const stepAt = (
  { along }: Pick<TileOperand, 'along'>,
  pitchBytes: number,
  step: number,
): number => {
  // 16 elements further in all lines (of the next tile, after the last), or 16 lines further
  const bytes =
    along === 'depth'
      ? Math.floor(step / STEPS) * pitchBytes + (step % STEPS) * 32
      : step * 16 * 128;
  invariant(bytes % 16 === 0, 'addresses of tiles count in 16 bytes');
  return bytes / 16;
};
