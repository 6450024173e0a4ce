/**
 * Arrays of any device as text, as the framework prints those whose values are at hand.
 *
 * Invariant: the values are those at the time of the call, even where they have to be waited for; an array that has none
 * is shown as it prints itself.
 */
interface ArrayLike {
  readonly shape: readonly number[];
  readonly dtype: string;
  data(): Promise<unknown>;
  toString(): string;
}

type Elements = Iterable<number | bigint> & {
  readonly length: number;
  readonly [i: number]: number | bigint;
};

/** Longer axes show their first and last elements. */
const EDGE = 3;
const LONGEST = 2 * EDGE + 2;
/** What the framework says of arrays that have to be waited for. */
const READ = / \(read with await x\.data\(\)\)$/;

/** Whether a value is one of the framework's arrays, whichever copy of the framework made it. */
export const isArray = (value: unknown): value is ArrayLike =>
  typeof value === 'object' &&
  value !== null &&
  Array.isArray(Reflect.get(value, 'shape')) &&
  typeof Reflect.get(value, 'dtype') === 'string' &&
  typeof Reflect.get(value, 'data') === 'function';

const isElements = (value: unknown): value is Elements =>
  ArrayBuffer.isView(value) && !(value instanceof DataView);

/** Text now, or soon, where the device has to be waited for. */
export const arrayText = (x: ArrayLike): string | Promise<string> => {
  const now = String(x);
  return READ.test(now) ? readLater(x, now) : now;
};

const readLater = async (x: ArrayLike, head: string): Promise<string> => {
  let values: unknown;
  try {
    values = await x.data();
  } catch (error) {
    return `${head.replace(READ, '')} (not read: ${error instanceof Error ? error.message : 'it failed'})`;
  }
  if (!isElements(values)) return head;
  return `${head.replace(READ, '')}\n${elementsText(values, x.shape, x.dtype)}`;
};

const positions = (count: number): readonly (number | undefined)[] => {
  const all = Array.from({ length: count }, (_, i) => i);
  return count <= LONGEST ? all : [...all.slice(0, EDGE), undefined, ...all.slice(-EDGE)];
};

const spell = (value: number | bigint, dtype: string): string => {
  if (typeof value === 'bigint') return String(value);
  if (dtype === 'bool') return value === 0 ? 'false' : 'true';
  if (Object.is(value, -0)) return '-0';
  return Number.isSafeInteger(value) ? String(value) : String(Number(value.toPrecision(5)));
};

const elementsText = (values: Elements, shape: readonly number[], dtype: string): string => {
  const texts = new Map<number, string>();
  const visit = (axis: number, base: number): void => {
    if (axis === shape.length) texts.set(base, spell(values[base]!, dtype));
    else
      for (const i of positions(shape[axis]!))
        if (i !== undefined) visit(axis + 1, base * shape[axis]! + i);
  };
  visit(0, 0);
  const width = shape.length === 0 ? 0 : Math.max(0, ...[...texts.values()].map((t) => t.length));
  const write = (axis: number, base: number): string => {
    if (axis === shape.length) return texts.get(base)!.padStart(width);
    const parts = positions(shape[axis]!).map((i) =>
      i === undefined ? '…' : write(axis + 1, base * shape[axis]! + i),
    );
    return `[${parts.join(axis === shape.length - 1 ? ', ' : `,\n${' '.repeat(axis + 1)}`)}]`;
  };
  return write(0, 0);
};
