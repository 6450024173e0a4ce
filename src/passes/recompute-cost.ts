/**
 * What saving a value between forward and backward costs, against computing it again.
 *
 * Invariant: both are in one unit, the time to move a byte through memory; constants are for a CPU core with vector
 * units, where four elements of a cheap map take about as long as loading one float.
 */
import { type Graph, type Node, usersOf } from '../ir/graph/graph.ts';
import { isScalarOp, scalarOps } from '../ir/scalar.ts';
import { byteLength } from '../ir/type.ts';

/** More than any sum of real costs, and still exact beside them in doubles. */
export const UNAFFORDABLE = 1e18;

/** What no one recomputes; still finite, so that values which nobody can keep are recomputed all the same. */
const NEVER = 1e14;

/** Who keeps a saved value: the caller has it anyway as input or output, or it is an extra result, or it cannot be. */
export type Holding = 'input' | 'output' | 'extra' | 'nobody' | 'overwritten';

/** Bytes that one multiply-add of a vectorized map is worth. */
const BYTES_PER_OPERATION = 0.5;
/** Binding one more array to a call. */
const BINDING = 16;
/** Making, keeping and freeing one more array. */
const ALLOCATION = 512;

/** `stored`: forward has the value in memory whether it is saved or not. */
export const saveCost = (node: Node, holding: Holding, stored: boolean): number => {
  const bytes = byteLength(node.type);
  switch (holding) {
    case 'input':
      return bytes + BINDING;
    case 'output':
      return 1.5 * bytes + BINDING;
    case 'extra':
      // Loading it again and keeping it meanwhile; and storing it, where forward alone would not.
      return (stored ? 2 : 3) * bytes + ALLOCATION;
    case 'nobody':
    case 'overwritten':
      return UNAFFORDABLE;
    default:
      return holding satisfies never;
  }
};

/**
 * Which values forward stores in any case: results that the next op reads from memory. A product is not stored when a
 * map takes it up on the way (its last map is stored instead); what no product made is computed where it is read.
 */
export const storedBy = (forward: Graph): ReadonlySet<Node> => {
  const users = usersOf(forward);
  const stored = new Set<Node>(forward.outputs);
  /** Made by a product and the maps on it. */
  const heavy = new Set<Node>();
  for (const [node, readers] of users) {
    const { kind } = node.op;
    const isProduct = ['contract', 'scatter', 'running', 'reduce', 'loop'].includes(kind);
    if (isProduct || (kind !== 'leaf' && node.inputs.some((x) => heavy.has(x)))) heavy.add(node);
    const fused = readers.length > 0 && readers.every((r) => r.op.kind === 'map');
    const read = readers.some((r) => r.op.kind === 'contract');
    if (kind !== 'leaf' && kind !== 'view' && (read || (heavy.has(node) && !fused)))
      stored.add(node);
  }
  return stored;
};

export const recomputeCost = (node: Node): number => {
  const { size } = node.type;
  const read = node.inputs.reduce((sum, x) => sum + x.type.size, 0);
  const bytesRead = node.inputs.reduce((sum, x) => sum + byteLength(x.type), 0);
  const { kind, name } = node.op;
  switch (kind) {
    case 'leaf':
    case 'view':
      return 0;
    case 'map':
      return size * BYTES_PER_OPERATION * (isScalarOp(name) ? scalarOps[name].cost : 1);
    case 'reduce':
      // A pass of its own over the operand.
      return bytesRead + read * BYTES_PER_OPERATION * windowSize(node);
    case 'gather':
      return size * BYTES_PER_OPERATION * 8;
    case 'scatter':
    case 'running':
      return (size + read) * BYTES_PER_OPERATION * 16;
    case 'composite':
      return size * BYTES_PER_OPERATION * 60;
    case 'loop':
      return NEVER;
    case 'contract':
      // Every element of one operand may meet every element of the other.
      return Math.min(
        NEVER,
        node.inputs.reduce((product, x) => product * x.type.size, size),
      );
    default:
      return kind satisfies never;
  }
};

const windowSize = ({ attrs }: Node): number => {
  const kernel = attrs['kernel'];
  return Array.isArray(kernel) ? kernel.reduce((n, d) => n * d, 1) : 1;
};
