/**
 * Sizes of the rows for a graphics card, and small ones of the same rows: what emulation can compute in seconds.
 *
 * Invariant: Tigon and PyTorch read the same record (`specOf`), so they cannot disagree about a size.
 */
export interface Sizes {
  /** Side of square products. */
  readonly gemm: readonly number[];
  /** Rows and columns of what is bound by memory. */
  readonly rows: number;
  readonly columns: number;
  /** Runs that are enqueued before anybody waits. */
  readonly together: number;
  readonly attention: readonly {
    readonly batch: number;
    readonly heads: number;
    readonly length: number;
    readonly depth: number;
    readonly causal: boolean;
  }[];
  readonly mlp: { readonly batch: number; readonly widths: readonly number[] };
  readonly lenet: { readonly batch: number };
  readonly resnet: { readonly batch: number; readonly blocks: number; readonly width: number };
  readonly lstm: {
    readonly batch: number;
    readonly steps: number;
    readonly inputs: number;
    readonly hidden: number;
  };
  readonly gpt: {
    readonly batch: number;
    readonly length: number;
    readonly vocabulary: number;
    readonly width: number;
    readonly heads: number;
    readonly layers: number;
  };
}

/** Sizes that people ask about: cuBLAS's best, ResNet-20 on CIFAR, GPT-2 small. */
const FULL: Sizes = {
  gemm: [1024, 4096, 8192],
  rows: 8192,
  columns: 8192,
  together: 20,
  attention: [
    { batch: 4, heads: 16, length: 4096, depth: 64, causal: true },
    { batch: 4, heads: 16, length: 4096, depth: 128, causal: false },
  ],
  mlp: { batch: 64, widths: [784, 256, 128, 10] },
  lenet: { batch: 64 },
  resnet: { batch: 128, blocks: 3, width: 16 },
  lstm: { batch: 32, steps: 35, inputs: 256, hidden: 256 },
  gpt: { batch: 8, length: 1024, vocabulary: 50257, width: 768, heads: 12, layers: 12 },
};

const SMALL: Sizes = {
  gemm: [72],
  rows: 16,
  columns: 96,
  together: 2,
  attention: [{ batch: 1, heads: 2, length: 40, depth: 16, causal: true }],
  mlp: { batch: 8, widths: [20, 16, 12, 10] },
  lenet: { batch: 2 },
  resnet: { batch: 2, blocks: 1, width: 4 },
  lstm: { batch: 4, steps: 3, inputs: 8, hidden: 16 },
  gpt: { batch: 2, length: 12, vocabulary: 40, width: 16, heads: 2, layers: 2 },
};

export const sizesFor = (small: boolean): Sizes => (small ? SMALL : FULL);
