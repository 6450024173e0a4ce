/**
 * The gradient of batch norm, written out.
 *
 * Invariant: linear in what arrives, so its parts may come one by one.
 */
import { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Graph, Node } from '../../ir/graph/graph.ts';
import { type TensorType, tensor } from '../../ir/type.ts';

/**
 * What flows back of `away · inverse · gamma + beta` to what is normalized, to gamma and to beta, where `inverse` is
 * `rsqrt(mean(away²) + eps)`, and `away` what is normalized less its mean: two sums and one map. The steps of the
 * formula, one by one, would sum five times.
 */
export const pullOfNorm = (type: TensorType, axes: readonly number[]): Graph => {
  const b = new GraphBuilder();
  const { shape, dtype } = type;
  const channels = shape.flatMap((_, i) => (axes.includes(i) ? [] : [i]));
  const line = tensor(
    dtype,
    channels.map((i) => shape[i]!),
  );
  const [dy, away] = [b.input(type), b.input(type)];
  const [inverse, gamma] = [b.input(line), b.input(line)];
  const lift = (n: Node): Node => b.broadcast(n, shape, channels);
  const share = b.lit(1 / axes.reduce((n, a) => n * shape[a]!, 1), inverse);
  const total = b.sum(dy, axes);
  const slope = b.op('mul', b.sum(b.op('mul', dy, away), axes), inverse);
  const straight = b.op('sub', dy, lift(b.op('mul', total, share)));
  const turned = lift(b.op('mul', b.op('mul', slope, inverse), share));
  const free = b.op('sub', straight, b.op('mul', away, turned));
  const dx = b.op('mul', free, lift(b.op('mul', gamma, inverse)));
  return b.graph('batchNormTraining backward', [dx, slope, total]);
};
