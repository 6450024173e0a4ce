/**
 * Writes ONNX models: a graph of named nodes with its weights, as the bytes of a file.
 *
 * Invariant: nodes are in the order in which they were added, which is one in which they can run.
 */
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';

const { root } = protobuf.parse(readFileSync(new URL('./onnx.proto', import.meta.url), 'utf8'), {
  keepCase: true,
});
const modelType = root.lookupType('onnx.ModelProto');

/** Of the main operator set, and of the file format that goes with it. */
const OPSET = 17;
const IR_VERSION = 8;
const TYPES = { float: 1, int64: 7 } as const;
const ATTRIBUTES = { float: 1, int: 2, string: 3, ints: 7 } as const;

/** A whole number is an int; `{ float }` says that it is not meant so. */
export type Attribute = number | string | readonly number[] | { readonly float: number };

const attributeOf = (name: string, value: Attribute): object => {
  if (typeof value === 'string')
    return { name, type: ATTRIBUTES.string, s: new TextEncoder().encode(value) };
  if (typeof value === 'number') return { name, type: ATTRIBUTES.int, i: value };
  if ('float' in value) return { name, type: ATTRIBUTES.float, f: value.float };
  return { name, type: ATTRIBUTES.ints, ints: [...value] };
};

const arrayOf = (name: string, shape: readonly number[]): object => ({
  name,
  type: {
    tensor_type: { elem_type: TYPES.float, shape: { dim: shape.map((d) => ({ dim_value: d })) } },
  },
});

export class OnnxBuilder {
  readonly #nodes: object[] = [];
  readonly #weights: object[] = [];
  readonly #inputs: object[] = [];
  #names = 0;

  #fresh(stem: string): string {
    return `${stem}_${this.#names++}`;
  }

  input(name: string, shape: readonly number[]): string {
    this.#inputs.push(arrayOf(name, shape));
    return name;
  }

  weight(data: Float32Array, shape: readonly number[]): string {
    const name = this.#fresh('weight');
    const raw_data = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#weights.push({ name, dims: [...shape], data_type: TYPES.float, raw_data });
    return name;
  }

  scalar(value: number): string {
    return this.weight(Float32Array.of(value), []);
  }

  integers(values: readonly number[]): string {
    const name = this.#fresh('integers');
    const raw_data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    this.#weights.push({ name, dims: [values.length], data_type: TYPES.int64, raw_data });
    return name;
  }

  /** The first output of a node; `''` leaves an optional input out. */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    const output = this.#fresh(op);
    this.#nodes.push({
      op_type: op,
      name: output,
      input: [...inputs],
      output: [output],
      attribute: Object.entries(attributes).map(([name, value]) => attributeOf(name, value)),
    });
    return output;
  }

  /** The bytes of the model whose result `output` has this shape. */
  model(output: string, shape: readonly number[]): Uint8Array {
    const made = {
      ir_version: IR_VERSION,
      producer_name: 'tigon-bench',
      opset_import: [{ domain: '', version: OPSET }],
      graph: {
        name: 'graph',
        node: this.#nodes,
        initializer: this.#weights,
        input: this.#inputs,
        output: [arrayOf(output, shape)],
      },
    };
    const problem = modelType.verify(made);
    if (problem !== null) throw new Error(`the model is not ONNX: ${problem}`);
    return modelType.encode(modelType.create(made)).finish();
  }
}
