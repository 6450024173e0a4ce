/**
 * What convolutions and transposed convolutions have in common: options, parameters, layouts.
 *
 * Invariant: kernels are [in or out, …, ...kernelSize] whatever the layout of the images, so that parameters fit both.
 */
import { failure } from '../../callsite.ts';
import type { NDArray } from '../../methods.ts';
import { perAxis } from '../../nd/axes.ts';
import { checkOptions } from '../../options.ts';
import { HybridBlock } from '../block.ts';
import type { InitializerLike } from '../init.ts';
import { Parameter } from '../parameter.ts';
import { type Images, imagesOf, type Layout, type Rank } from './layout.ts';
import { type ActivationName, activationOf, count, expectSize } from './shared.ts';

export interface ConvOptions {
  /** Default 1. */
  readonly strides?: number | readonly number[];
  /** Zeros added on both sides. Default 0. */
  readonly padding?: number | readonly number[];
  /** Distance between kernel elements. Default 1. */
  readonly dilation?: number | readonly number[];
  /** Channels in and out are cut in this many groups that do not see each other. Default 1. */
  readonly groups?: number;
  /** Channels before space (default: NCW, NCHW, NCDHW) or last (NWC, NHWC, NDHWC), for input and result. */
  readonly layout?: Layout;
  /** Default: learnt from the first call. */
  readonly inChannels?: number;
  /** Applied to the result. Default: none. */
  readonly activation?: ActivationName;
  /** Default true. */
  readonly useBias?: boolean;
  /** Default: what `initialize` is told. */
  readonly weightInit?: InitializerLike;
  /** Default 'zeros'. */
  readonly biasInit?: InitializerLike;
}
const CONV = [
  'strides',
  'padding',
  'dilation',
  'groups',
  'layout',
  'inChannels',
  'activation',
  'useBias',
  'weightInit',
  'biasInit',
] as const;

/** A layer with one kernel over the axes of space. Subclasses say what they compute with it. */
export abstract class Convolving extends HybridBlock {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  readonly channels: number;
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
  readonly layout: Layout;
  protected readonly kind: string;
  readonly #images: Images;
  readonly #activate: (x: NDArray) => NDArray;

  constructor(
    name: string,
    rank: Rank,
    channels: number,
    kernelSize: number | readonly number[],
    options: ConvOptions,
    more: readonly string[] = [],
  ) {
    super();
    this.kind = name;
    checkOptions(name, options, [...CONV, ...more]);
    const { inChannels = 0, useBias = true, weightInit, biasInit } = options;
    this.channels = count(name, 'channels', channels);
    this.kernelSize = perAxis(name, 'kernelSize', kernelSize, rank, 1);
    this.strides = perAxis(name, 'strides', options.strides ?? 1, rank, 1);
    this.padding = perAxis(name, 'padding', options.padding ?? 0, rank, 0);
    this.dilation = perAxis(name, 'dilation', options.dilation ?? 1, rank, 1);
    this.groups = count(name, 'groups', options.groups ?? 1);
    this.#images = imagesOf(name, rank, options.layout);
    this.layout = this.#images.layout;
    this.#activate = activationOf(name, options.activation);
    this.#divided('channels', channels);
    this.#divided('inChannels', count(name, 'inChannels', inChannels, 0));
    this.weight = new Parameter({
      shape: this.shapeFor(inChannels),
      ...(weightInit === undefined ? {} : { init: weightInit }),
    });
    this.bias = useBias
      ? new Parameter({ shape: [channels], init: biasInit ?? 'zeros' })
      : undefined;
  }

  /** Shape of the kernels for so many channels in (0: not known yet). */
  protected abstract shapeFor(inChannels: number): number[];
  /** Channels in that kernels of this shape are for. */
  protected abstract inputsOf(shape: readonly number[]): number;
  /** The result before the activation, channels first. */
  protected abstract compute(x: NDArray, weight: NDArray, bias: NDArray | undefined): NDArray;

  #divided(noun: string, size: number): void {
    if (size % this.groups !== 0)
      throw failure(
        'option',
        `${this.kind}: ${size} ${noun} do not divide into ${this.groups} groups`,
        'channels in and out must be multiples of groups',
      );
  }

  override forward(given: NDArray): NDArray {
    const x = this.#images.read(this.kind, given);
    if (!this.weight.isInitialized) {
      this.#divided('input channels', x.shape[1]!);
      this.weight.infer(this.shapeFor(x.shape[1]!));
    }
    const weight = this.weight.data();
    expectSize(this.kind, x, 1, this.inputsOf(weight.shape), 'channels');
    return this.#images.write(this.#activate(this.compute(x, weight, this.bias?.data())));
  }
}
