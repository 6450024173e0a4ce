/**
 * The work of each row: sizes and seeded numbers, so that every subject starts from the same arrays.
 *
 * Invariant: `values(name, size)` is a pure function: the same name gives the same numbers in every process.
 */

/** mulberry32: small, fast and good enough for benchmark data. */
const generator = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
};

const hash = (name: string): number => {
  let h = 2166136261;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 16777619);
  return h;
};

/** Normally distributed numbers (Box-Muller) times `scale`. */
export const values = (name: string, size: number, scale = 1): Float32Array => {
  const next = generator(hash(name));
  const out = new Float32Array(size);
  for (let i = 0; i < size; i++)
    out[i] = scale * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return out;
};

/** Uniform integers below `below`. */
export const labels = (name: string, size: number, below: number): Int32Array => {
  const next = generator(hash(name));
  return Int32Array.from({ length: size }, () => Math.floor(next() * below));
};

export const MATMUL_SIZES = [128, 256, 512, 1024] as const;
export const CHAIN_SIZE = 1_000_000;
export const ROWS = { rows: 512, columns: 1024 } as const;
export const TINY = { size: 16, repeats: 1000 } as const;

/** A dense layer: weight [out, in] and zero bias. */
export interface DenseSpec {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
}
/** The Straight Dope's net for hybridize: batch 1, 1000 forwards. */
export const BOOK_NET: readonly DenseSpec[] = [
  { name: 'book0', inputs: 512, outputs: 256 },
  { name: 'book1', inputs: 256, outputs: 128 },
  { name: 'book2', inputs: 128, outputs: 2 },
];
export const BOOK_FORWARDS = 1000;
export const MLP: readonly DenseSpec[] = [
  { name: 'mlp0', inputs: 784, outputs: 256 },
  { name: 'mlp1', inputs: 256, outputs: 128 },
  { name: 'mlp2', inputs: 128, outputs: 10 },
];
/** LeNet on 28 x 28: two convolutions of 5 x 5 with max pooling, two dense layers. */
export const LENET = {
  conv: [
    { name: 'lenet0', inputs: 1, outputs: 20, kernel: 5 },
    { name: 'lenet1', inputs: 20, outputs: 50, kernel: 5 },
  ],
  dense: [
    { name: 'lenet2', inputs: 800, outputs: 128 },
    { name: 'lenet3', inputs: 128, outputs: 10 },
  ],
} as const;
export const BATCH = 64;
/** Many small layers: what a step costs beside its arithmetic. */
export const DEEP_BATCH = 8;
export const DEEP_NET: readonly DenseSpec[] = Array.from({ length: 24 }, (_, i) => ({
  name: `deep${i}`,
  inputs: 32,
  outputs: i < 23 ? 32 : 10,
}));
export const LEARNING_RATE = 0.05;

export const weightOf = (layer: DenseSpec): Float32Array =>
  values(layer.name, layer.inputs * layer.outputs, Math.sqrt(2 / layer.inputs));
export const kernelOf = (layer: (typeof LENET.conv)[number]): Float32Array =>
  values(
    layer.name,
    layer.inputs * layer.outputs * layer.kernel ** 2,
    Math.sqrt(2 / (layer.inputs * layer.kernel ** 2)),
  );

/** The first, the last and ten other elements: enough to tell right from wrong. */
export const sample = (data: ArrayLike<number>): number[] =>
  Array.from({ length: 12 }, (_, i) => data[Math.floor(((data.length - 1) * i) / 11)]!);
