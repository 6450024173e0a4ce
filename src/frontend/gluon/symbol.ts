/**
 * Nets from files of `export`: blocks that run a program instead of code.
 *
 * Invariant: the same results, gradients, random draws and running statistics as the net that was exported; parameters
 * have its names, so files of either fit both.
 */
import { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Graph } from '../../ir/graph/graph.ts';
import { showType } from '../../ir/type.ts';
import { isTraining } from '../autograd.ts';
import { assign, callGraph } from '../call.ts';
import { type Callable, callableOf, inline } from '../callable.ts';
import { failure } from '../callsite.ts';
import { defaultDevice } from '../default-device.ts';
import { fileExists, readFile } from '../io/files.ts';
import { mode } from '../mode.ts';
import type { NDArray, Operand } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';
import { drawOperands } from '../random/state.ts';
import { filledIn, Slot, slotted } from '../slots.ts';
import { forBatch } from './batch-sizes.ts';
import { HybridBlock } from './block.ts';
import type { Header } from './export.ts';
import { Parameter } from './parameter.ts';
import type { Devices } from './replicas.ts';
import type { LoadOptions } from './save.ts';

/** Names of the inputs that random numbers come from, in the order of their operands. */
const RANDOM: readonly string[] = ['random.low', 'random.high', 'random.draw'];

/** A program and how to call it. */
interface Variant {
  readonly header: Header;
  readonly graph: Graph;
  /** Its callable for each batch size. */
  readonly callables: Map<number, Callable>;
}

/** The contents of files, where there is no file system. */
export interface SymbolSource {
  /** Texts of `.tg` files. */
  readonly programs: readonly string[];
  /** Bytes of the safetensors file. */
  readonly parameters: Uint8Array;
}

export interface ImportOptions extends LoadOptions {
  /** Where the parameters live. Default: `device.default()`. */
  readonly device?: Devices;
}

/**
 * A net that was exported: callable, trainable, hybridizable like the original, whose code is not needed.
 *
 * Arguments and results have the shapes and dtypes of the export, but for the size of the batch.
 *
 * @throws {ShapeError} when called with other shapes or dtypes
 *
 * @example
 * await net.export('lenet', x);
 * const copy = await SymbolBlock.imports('lenet');
 * const out = copy(x);
 */
export class SymbolBlock extends HybridBlock {
  readonly #variants: readonly Variant[];

  /** @internal */
  constructor(variants: readonly Variant[]) {
    super();
    this.#variants = variants;
    for (const { graph, header } of variants)
      for (const { attrs, type } of graph.inputs) {
        const name = String(attrs['name']);
        if (attrs['role'] !== 'param' || Object.hasOwn(this, name)) continue;
        (this as unknown as Record<string, Parameter>)[name] = new Parameter({
          shape: type.shape,
          dtype: type.dtype,
          differentiable: !header.state.includes(name),
          gradReq: [...header.state, ...header.frozen].includes(name) ? 'null' : 'write',
        });
      }
  }

  /**
   * Reads `path.tg`, `path.train.tg` if there is one, and `path.safetensors`; or takes their contents.
   *
   * Parameters have the dtypes of the file.
   *
   * @throws {FileError} for files that cannot be read, and parameters that do not fit the program
   * @throws {ParseError} for a text that is no program, with the place in it
   * @throws {ValueError} for what is neither a path nor texts and bytes
   */
  static async imports(
    source: string | SymbolSource,
    options: ImportOptions = {},
  ): Promise<SymbolBlock> {
    checkOptions('SymbolBlock.imports', options, [
      ...['device', 'allowMissing', 'ignoreExtra', 'castDtype', 'dtypeSource'],
    ]);
    if (typeof source !== 'string' && !Array.isArray(source?.programs))
      throw failure(
        'value',
        `SymbolBlock.imports: the source is ${shown(source)}`,
        'pass the path of net.export, or { programs, parameters }: texts and bytes',
      );
    const { device, ...load } = options;
    const { parseGraph } = await import('../../ir/graph/parse.ts');
    const { bringEveryFamily } = await import('../../passes/every-family.ts');
    bringEveryFamily();
    const texts = typeof source === 'string' ? await textsAt(source) : source.programs;
    const file = typeof source === 'string' ? `${source}.tg` : 'program';
    const variants = texts.map((text): Variant => {
      return { header: headerOf(text, file), graph: parseGraph(text, file), callables: new Map() };
    });
    const block = new SymbolBlock(variants);
    block.initialize({ init: 'zeros', ...(device === undefined ? {} : { device }) });
    const parameters = typeof source === 'string' ? `${source}.safetensors` : source.parameters;
    await block.loadParameters(parameters, load);
    return block;
  }

  override forward(...args: unknown[]): unknown {
    const arrays: NDArray[] = [];
    const shape = keyOf(slotted(args, arrays));
    const [variant, batch] = this.#variantFor(shape, arrays);
    const callable = callableFor(variant, batch);
    const device = arrays[0]?.device ?? mode.trace?.device ?? defaultDevice();
    const random = variant.header.draws === 0 ? [] : drawOperands(device, variant.header.draws);
    const own = this as unknown as Record<string, Parameter>;
    const operands = variant.graph.inputs.map(({ attrs }): Operand => {
      const name = String(attrs['name']);
      if (attrs['role'] === 'param') return own[name]!.data();
      return attrs['role'] === 'scalar'
        ? random[RANDOM.indexOf(name)]!
        : arrays[Number(name.slice(4))]!;
    });
    const outputs = callGraph(callable, operands, device);
    variant.graph.assigns.forEach(({ target }, i) => {
      const at = variant.graph.inputs.indexOf(target);
      assign(operands[at] as NDArray, outputs[variant.graph.outputs.length + i]!.detach());
    });
    return filledIn(read(variant.header.results), outputs);
  }

  /** The program for this call, and its batch size. */
  #variantFor(shape: string, arrays: readonly NDArray[]): readonly [Variant, number] {
    const training = isTraining();
    // Where training computes something else, the other program does not stand in for it.
    const own = this.#variants.filter((v) => v.header.training === training);
    const variants = own.length > 0 ? own : this.#variants;
    for (const variant of variants) {
      const { header, graph } = variant;
      if (keyOf(read(header.arguments)) !== shape) continue;
      const { batch } = header;
      const size = arrays[0]?.shape[0] ?? 0;
      const fits = graph.inputs.every(({ attrs, type }, i) => {
        if (attrs['role'] !== 'input') return true;
        const x = arrays[Number(String(attrs['name']).slice(4))];
        if (x === undefined || x.dtype !== type.dtype) return false;
        const wanted =
          batch?.inputs.includes(i) === true ? [size, ...type.shape.slice(1)] : type.shape;
        return x.shape.join() === wanted.join();
      });
      if (fits) return [variant, batch === undefined ? -1 : size];
    }
    const [{ header, graph }] = variants as [Variant];
    const taken = graph.inputs.flatMap(({ attrs, type }) =>
      attrs['role'] === 'input' ? [showType(type)] : [],
    );
    throw failure(
      'shape',
      `${header.name}: the program takes ${taken.join(', ')}, not ${arrays.map((x) => showType(x.type)).join(', ') || 'nothing'}`,
      header.batch === undefined
        ? 'a program is for the shapes that it was exported with: export the net with others, too'
        : 'the first axis is the batch: it may have any size, the others are those of the export',
    );
  }
}

/** Values assigned to states are results of the callable, after its own. */
const callableFor = (variant: Variant, batch: number): Callable => {
  let callable = variant.callables.get(batch);
  if (callable === undefined) {
    const { header, graph } = variant;
    const sized =
      header.batch === undefined || header.batch.size === batch
        ? graph
        : forBatch(graph, header.batch, batch);
    const builder = new GraphBuilder();
    const inputs = sized.inputs.map(({ type, attrs }) =>
      builder.input(type, {
        name: String(attrs['name']),
        role: attrs['role'] === 'scalar' ? 'scalar' : 'input',
      }),
    );
    const made = inline(sized, builder, inputs);
    const values = [...sized.outputs, ...sized.assigns.map((a) => a.value)];
    callable = callableOf(
      builder.graph(
        header.name,
        values.map((x) => made.get(x)!),
      ),
    );
    variant.callables.set(batch, callable);
  }
  return callable;
};

const textsAt = async (path: string): Promise<string[]> => {
  const decoder = new TextDecoder();
  const texts = [decoder.decode(await readFile(`${path}.tg`))];
  const training = `${path}.train.tg`;
  if (await fileExists(training)) texts.push(decoder.decode(await readFile(training)));
  return texts;
};

const headerOf = (text: string, file: string): Header => {
  const line = text.slice(0, text.indexOf('\n'));
  try {
    const header = JSON.parse(line.replace(/^\/\/ /, '')) as Header;
    if (header?.tigon === 1 && Array.isArray(header.arguments)) return header;
  } catch {
    // the error below says what is missing
  }
  throw failure(
    'file',
    `SymbolBlock.imports: ${file} does not begin with the line that says how to call it`,
    'use files of net.export(path, x) as they are',
  );
};

/** The structure that JSON holds. */
const read = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(read);
  if (typeof value !== 'object' || value === null) return value;
  const { $: mark } = value as { $?: unknown };
  if (typeof mark === 'number') return new Slot(mark);
  if (mark === 'undefined') return undefined;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, read(item)]));
};

/** Equal for equal structures. */
const keyOf = (value: unknown): string => {
  if (value instanceof Slot) return `#${value.index}`;
  if (Array.isArray(value)) return `[${value.map(keyOf).join()}]`;
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([key, item]) => `${key}:${keyOf(item)}`)
      .join()}}`;
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
};
