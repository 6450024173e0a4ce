/**
 * The buffers of one compilation: one per stored value; a reshape of a stored value is the same bytes under another shape.
 *
 * Invariant: names count up in the order in which values are stored, so that texts are stable.
 */
import type { Node } from '../ir/graph/graph.ts';
import { newBuffer } from '../ir/loop/expr.ts';
import type { LoopBuffer } from '../ir/loop/loop.ts';
import { stackStrides } from '../ir/program/windows.ts';
import { remember } from '../ir/remember.ts';
import { stridesOf } from '../ir/type.ts';

/** It gets its number when it is stored. */
type Nameable = Omit<LoopBuffer, 'name'> & { name: string };

export class BufferTable {
  readonly #alignment: number;
  readonly #byNode = new Map<Node, LoopBuffer>();
  readonly #foreseen = new Map<Node, Nameable>();
  /** Ids of buffers that nothing lives in any more. */
  readonly #left = new Set<number>();
  #next = 0;

  /** `alignment`: of the elements of stacks, in bytes. */
  constructor(alignment = 1) {
    this.#alignment = alignment;
  }

  /** The buffer of a value, if it has one. */
  known(node: Node): LoopBuffer | undefined {
    return this.#byNode.get(node);
  }

  /** The buffer of a value; made at first use. */
  of(node: Node): LoopBuffer {
    return remember(this.#byNode, node, () => {
      const made = this.foreseen(node);
      this.#foreseen.delete(node);
      if (node.op.name !== 'input') made.name = `${node.op.name}${this.#next++}`;
      return made;
    });
  }

  /** The buffer that a value will have if it is stored, which is not decided. */
  foreseen(node: Node): Nameable {
    return remember(this.#foreseen, node, () => {
      const own = node.op.name === 'input';
      const strides = own
        ? node.attrs['strides']
        : node.op.kind === 'loop'
          ? stackStrides(node.type, this.#alignment)
          : undefined;
      return newBuffer(
        own ? String(node.attrs['name']) : node.op.name,
        node.type,
        Array.isArray(strides) ? (strides as number[]) : undefined,
      );
    });
  }

  /** Whether what lived in `buffer` was moved to another. */
  isLeft({ id }: LoopBuffer): boolean {
    return this.#left.has(id);
  }

  /** Lets `node` live in `buffer` (in-place updates, reshapes). */
  alias(node: Node, buffer: LoopBuffer): LoopBuffer {
    const { shape } = node.type;
    const before = this.#byNode.get(node);
    if (before !== undefined && before.id !== buffer.id) this.#left.add(before.id);
    const same =
      shape.join() === buffer.shape.join()
        ? buffer
        : { ...buffer, shape, strides: stridesOf(shape) };
    this.#byNode.set(node, same);
    return same;
  }
}
