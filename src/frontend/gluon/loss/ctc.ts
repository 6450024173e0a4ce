/**
 * Connectionist temporal classification: sequences of labels, without saying which step each belongs to.
 *
 * Invariant: probabilities of alignments are summed in the log domain, step after step; what cannot happen has the
 * logarithm `NEVER`, which is a number, so that no gradient is NaN.
 */
import type { DType } from '../../../ir/dtype.ts';
import { TigonError } from '../../../ir/errors.ts';
import { GraphBuilder } from '../../../ir/graph/builder.ts';
import type { Graph, Node } from '../../../ir/graph/graph.ts';
import { logSoftmax } from '../../../ir/graph/ops/composite.ts';
import { concat } from '../../../ir/graph/ops/concat.ts';
import { iota } from '../../../ir/graph/ops/leaf.ts';
import { reduceMax } from '../../../ir/graph/ops/reduce.ts';
import { sliceAxis } from '../../../ir/graph/ops/slice.ts';
import { takeAlong } from '../../../ir/graph/ops/take.ts';
import { showType, tensor } from '../../../ir/type.ts';
import { call, type Fragment, fragment } from '../../call.ts';
import { failure } from '../../callsite.ts';
import { makeLoop } from '../../loop.ts';
import type { NDArray } from '../../methods.ts';
import { single } from '../../nd/math.ts';
import { transpose } from '../../nd/shape.ts';
import { checkChoice, checkOptions } from '../../options.ts';
import { expectValues } from '../../values.ts';
import { expectArray } from '../nn/shared.ts';
import { Loss, type LossOptions, takes } from './base.ts';

export interface CTCOptions extends Omit<LossOptions, 'batchAxis'> {
  /** Axes of predictions: batch N, time T, classes C. Default 'NTC'. */
  readonly layout?: 'NTC' | 'TNC';
  /** Axes of labels. Default 'NT'. */
  readonly labelLayout?: 'NT' | 'TN';
}

const NAME = 'CTCLoss';
/** The logarithm of what cannot happen. */
const NEVER = -1e30;

/** Logarithm of the sum of exponentials of arrays of one shape. */
const logAdd = (b: GraphBuilder, terms: readonly Node[]): Node => {
  const top = terms.reduce((p, q) => b.op('max', p, q));
  const powers = terms.map((n) => b.op('exp', b.op('sub', n, top)));
  return b.op(
    'add',
    top,
    b.op(
      'log',
      powers.reduce((p, q) => b.op('add', p, q)),
    ),
  );
};

/** Moved by `by` places to the right, with what cannot happen in front. */
const shifted = (b: GraphBuilder, x: Node, by: number): Node => {
  const [batch, places] = x.type.shape as [number, number];
  const front = b.full(NEVER, x.type.dtype, [batch, by]);
  return b.emit(concat, [front, sliceAxis(b, x, 1, 0, places - by)], { axis: 1 });
};

/**
 * One step: from the log-probability of being at each place of the label with blanks, to that one step later. Inputs: this
 * step's scores of the places and its number; the state; where a blank may be left out, and lengths of predictions.
 */
const stepOver = (batch: number, places: number, dtype: DType): Graph => {
  const b = new GraphBuilder();
  const type = tensor(dtype, [batch, places]);
  const scores = b.input(type);
  const time = b.input(tensor('int32', []));
  const state = b.input(type);
  const skips = b.input(tensor('bool', [batch, places]));
  const lengths = b.input(tensor('int32', [batch]));
  const never = b.lit(NEVER, state);
  const ways = [state, shifted(b, state, 1)];
  if (places > 2) ways.push(b.op('select', skips, shifted(b, state, 2), never));
  const next = b.op('add', logAdd(b, ways), scores);
  const live = b.op('lt', b.broadcast(time, [batch], []), lengths);
  const value = b.op('select', b.broadcast(live, type.shape, [0]), next, state);
  return b.graph('ctcStep', [value]);
};

interface Attrs {
  readonly weight: number;
  readonly predLengths: boolean;
  readonly labelLengths: boolean;
  readonly weighted: boolean;
}

const aligning: Fragment<Attrs> = fragment<Attrs>(NAME, (b, [p, l, ...rest], attrs) => {
  const [batch, steps, classes] = p!.type.shape as [number, number, number];
  const width = l!.type.shape[1]!;
  const given = attrs.predLengths ? rest.shift() : undefined;
  const known = attrs.labelLengths ? rest.shift() : undefined;
  const weight = attrs.weighted ? rest.shift() : undefined;
  const perSample = (x: Node, what: string): Node => {
    if (x.type.shape.length === 1 && x.type.shape[0] === batch) return x;
    throw new TigonError(
      'shape',
      `${NAME}: ${what} ${showType(x.type)} must have shape [${batch}]`,
    );
  };
  const whole = (x: Node, what: string): Node => b.cast(perSample(x, what), 'int32');
  const label = b.cast(l!, 'int32');
  const counted = b.cast(b.op('ge', label, b.lit(0, label)), 'int32');
  const lengths = known === undefined ? b.sum(counted, [1]) : whole(known, 'labelLengths');
  const ends = given === undefined ? b.full(steps, 'int32', [batch]) : whole(given, 'predLengths');

  // Labels with the blank, the last class, before, between and after them.
  const places = 2 * width + 1;
  const blank = b.full(classes - 1, 'int32', [batch, width, 1]);
  const pairs = b.emit(concat, [blank, b.reshape(label, [batch, width, 1])], { axis: 2 });
  const last = b.full(classes - 1, 'int32', [batch, 1]);
  const path = b.emit(concat, [b.reshape(pairs, [batch, 2 * width]), last], { axis: 1 });
  const place = b.emit(iota, [], { axis: 1, dtype: 'int32', shape: [batch, places] });
  const before =
    places > 2
      ? b.emit(concat, [b.full(-1, 'int32', [batch, 2]), sliceAxis(b, path, 1, 0, places - 2)], {
          axis: 1,
        })
      : b.lit(-1, path);
  const isLabel = b.op('ne', path, b.lit(classes - 1, path));
  const skips = b.op('and', isLabel, b.op('ne', path, before));

  const logs = b.emit(logSoftmax, [single(b, p!)], { axis: 2 });
  const scores = b.emit(takeAlong, [logs, b.broadcast(path, [batch, steps, places], [0, 2])], {
    axis: 2,
  });
  const { dtype } = scores.type;
  const start = b.full(0, dtype, [batch, places]);
  const loop = makeLoop(b, {
    body: stepOver(batch, places, dtype),
    trips: steps,
    reverse: false,
    sequences: [
      b.transpose(scores, [1, 0, 2]),
      b.emit(iota, [], { axis: 0, dtype: 'int32', shape: [steps] }),
    ],
    states: [b.op('select', b.op('eq', place, b.lit(0, place)), start, b.lit(NEVER, start))],
    captures: [skips, ends],
  });
  const final = loop.final(0);

  // A path ends at the last label or at the blank after it.
  const end = b.op('add', lengths, lengths);
  const past = b.op('sub', b.broadcast(end, [batch, places], [0]), place);
  const atEnd = b.op('or', b.op('eq', past, b.lit(0, past)), b.op('eq', past, b.lit(1, past)));
  const reached = b.op('select', atEnd, final, b.lit(NEVER, final));
  const top = b.emit(reduceMax, [reached], { axes: [1] });
  const powers = b.op('exp', b.op('sub', reached, b.broadcast(top, [batch, places], [0])));
  const loss = b.op('neg', b.op('add', top, b.op('log', b.sum(powers, [1]))));
  const impossible = b.op('gt', loss, b.lit(-NEVER / 2, loss));
  const own = b.op('select', impossible, b.lit(Number.POSITIVE_INFINITY, loss), loss);
  const scaled = attrs.weight === 1 ? own : b.op('mul', own, b.lit(attrs.weight, own));
  if (weight === undefined) return scaled;
  return b.op('mul', scaled, single(b, perSample(weight, 'sampleWeight'), scaled));
});

/** Throws for lengths that the host can see and that are none from 0 to `most`. */
const checkLengths = (what: string, lengths: NDArray | undefined, most: number): void => {
  if (lengths === undefined) return;
  expectArray(NAME, lengths, what);
  expectValues(
    lengths,
    (values) => values.findIndex((v) => !(v >= 0 && v <= most) || v !== Math.floor(v)),
    (value, position, array, asked) =>
      failure(
        'value',
        `${NAME}: ${what} ${value} at [${position.join(', ')}] of ${showType(array.type)} is no length${asked}`,
        `allowed: integers from 0 to ${most}`,
      ),
  );
};

/**
 * Minus the log-likelihood of a sequence of labels under scores for each step, over all ways to place the labels in
 * time: steps may repeat a label or give a blank, the last class. (Graves et al., "Connectionist temporal
 * classification", ICML 2006.)
 *
 * pred: floats [batch, time, classes] (layout 'NTC'), before the softmax; label: classes from 0 to classes - 2,
 * [batch, labels], any dtype, with -1 after the last label unless `labelLengths` [batch] is given; `predLengths`
 * [batch]: steps that count, of any dtype; `sampleWeight` [batch]. Result [batch], float32 (float64 where predictions
 * are, computed in double); Infinity, without gradient, where there are too few steps for the labels.
 *
 * @throws {OptionError} for other layouts or options
 * @throws {ShapeError} when shapes do not fit
 * @throws {ValueError} for other labels or lengths, where the host can see them, or anything but arrays
 *
 * @example
 * const loss = new CTCLoss();
 * loss(nd.zeros([1, 2, 3]), nd.array([[0]]));   // [1.0986]
 */
export class CTCLoss extends Loss {
  readonly layout: 'NTC' | 'TNC';
  readonly labelLayout: 'NT' | 'TN';

  constructor(options: CTCOptions = {}) {
    checkOptions(NAME, options, ['weight', 'layout', 'labelLayout']);
    super(NAME, options, ['layout', 'labelLayout']);
    this.layout = checkChoice(NAME, 'layout', options.layout ?? 'NTC', ['NTC', 'TNC']);
    this.labelLayout = checkChoice(NAME, 'labelLayout', options.labelLayout ?? 'NT', ['NT', 'TN']);
  }

  override forward(
    pred: NDArray,
    label: NDArray,
    predLengths?: NDArray,
    labelLengths?: NDArray,
    sampleWeight?: NDArray,
  ): NDArray {
    takes(NAME, pred, label, sampleWeight);
    const [x, y] = this.#ordered(pred, label);
    const classes = x.shape[2]!;
    const wrong = (v: number): boolean => !(v >= -1 && v < classes - 1) || v !== Math.floor(v);
    expectValues(
      label,
      (values) => values.findIndex(wrong),
      (value, position, array, asked) =>
        failure(
          'value',
          `${NAME}: label ${value} at [${position.join(', ')}] of ${showType(array.type)} is none of ${classes - 1} classes and a blank${asked}`,
          `allowed: integers from 0 to ${classes - 2}, and -1 after the last label; class ${classes - 1} is the blank`,
        ),
    );
    checkLengths('predLengths', predLengths, x.shape[1]!);
    checkLengths('labelLengths', labelLengths, y.shape[1]!);
    const more = [predLengths, labelLengths, sampleWeight];
    const attrs: Attrs = {
      weight: this.weight,
      predLengths: predLengths !== undefined,
      labelLengths: labelLengths !== undefined,
      weighted: sampleWeight !== undefined,
    };
    const operands = [x, y, ...more.filter((n): n is NDArray => n !== undefined)];
    return call(aligning, operands, { attrs, key: Object.values(attrs).join('/') });
  }

  /** Both with the batch first. */
  #ordered(pred: NDArray, label: NDArray): [NDArray, NDArray] {
    if (pred.ndim !== 3 || label.ndim !== 2)
      throw failure(
        'shape',
        `${NAME}: takes predictions [batch, time, classes] and labels [batch, labels], not ${showType(pred.type)} and ${showType(label.type)}`,
        "axes may be in the order of { layout: 'TNC' } and { labelLayout: 'TN' }",
      );
    const x = this.layout === 'NTC' ? pred : transpose(pred, [1, 0, 2]);
    const y = this.labelLayout === 'NT' ? label : transpose(label);
    if (x.shape[0] === y.shape[0] && x.shape[1]! > 0 && x.shape[2]! > 1) return [x, y];
    throw failure(
      'shape',
      `${NAME}: predictions ${showType(pred.type)} (${this.layout}) do not fit labels ${showType(label.type)} (${this.labelLayout})`,
      'they need as many samples, at least one step, and a class besides the blank',
    );
  }
}
