/**
 * Values as text, the same in Node and in pages.
 *
 * Invariant: never fails and never changes what it shows; arrays of the framework that have to be waited for were given
 * their text before.
 */
/** Texts of arrays inside of what is shown. */
export type ArrayTexts = ReadonlyMap<object, string>;

/** Texts of this length still stand on one line. */
const WIDTH = 76;
const DEEPEST = 4;
const LONGEST = 100;
const CUSTOM = Symbol.for('nodejs.util.inspect.custom');

const isPlainKey = (key: string): boolean => /^[A-Za-z_$][\w$]*$/.test(key);
const quoted = (text: string): string =>
  `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`;

const nameOf = (value: object): string => {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return 'null';
  const made: unknown = Reflect.get(value, 'constructor');
  return typeof made === 'function' && made.name !== '' ? made.name : 'Object';
};

/** What an object prints itself as, if it has a way of its own. */
const ownText = (value: object): string | undefined => {
  const custom: unknown = Reflect.get(value, CUSTOM);
  const write: unknown = typeof custom === 'function' ? custom : Reflect.get(value, 'toString');
  if (typeof write !== 'function') return undefined;
  if (write === Object.prototype.toString || write === Function.prototype.toString)
    return undefined;
  const text: unknown = Reflect.apply(write, value, []);
  return typeof text === 'string' ? text : undefined;
};

const around = (open: string, parts: readonly string[], close: string, depth: number): string => {
  if (parts.length === 0) return `${open}${close}`;
  const space = open.endsWith('{') ? ' ' : '';
  const line = `${open}${space}${parts.join(', ')}${space}${close}`;
  if (!line.includes('\n') && line.length + 2 * depth <= WIDTH) return line;
  const margin = '  '.repeat(depth + 1);
  return `${open}\n${rowsOf(parts)
    .map((row) => `${margin}${row}`)
    .join(',\n')}\n${'  '.repeat(depth)}${close}`;
};

/** Short parts share lines. */
const rowsOf = (parts: readonly string[]): readonly string[] => {
  if (parts.length <= 6 || parts.some((part) => part.length > 12 || part.includes('\n')))
    return parts;
  const rows: string[] = [];
  for (const part of parts) {
    const last = rows.at(-1);
    if (last !== undefined && last.length + part.length + 2 <= WIDTH - 8)
      rows[rows.length - 1] = `${last}, ${part}`;
    else rows.push(part);
  }
  return rows;
};

/** As `console.log` shows a value: texts as they are. */
export const showLogged = (value: unknown, arrays: ArrayTexts): string =>
  typeof value === 'string' ? value : show(value, arrays);

/** A value as text; texts are quoted. */
export const show = (value: unknown, arrays: ArrayTexts): string =>
  inspect(value, { arrays, above: [], depth: 0 });

interface Place {
  readonly arrays: ArrayTexts;
  /** What the value is inside of. */
  readonly above: readonly object[];
  readonly depth: number;
}

const inspect = (value: unknown, place: Place): string => {
  switch (typeof value) {
    case 'string':
      return quoted(value);
    case 'bigint':
      return `${value}n`;
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'undefined':
    case 'boolean':
    case 'symbol':
      return String(value);
    case 'object':
      return value === null ? 'null' : inspectObject(value, place);
    case 'function':
      return inspectObject(value, place);
  }
};

const inspectObject = (value: object, place: Place): string => {
  const { above, depth, arrays } = place;
  try {
    const known = arrays.get(value);
    const indented = (text: string): string => text.replaceAll('\n', `\n${'  '.repeat(depth)}`);
    if (known !== undefined) return indented(known);
    if (above.includes(value)) return '[circular]';
    const inner = { arrays, above: [...above, value], depth: depth + 1 };
    if (Array.isArray(value)) return inspectList('[', value, inner);
    if (isNumbers(value)) return inspectNumbers(value, inner);
    if (value instanceof Error) return `${value.name}: ${value.message}`;
    if (value instanceof Date) return value.toISOString();
    if (value instanceof RegExp) return String(value);
    if (value instanceof Promise) return 'Promise { … }: await it to see what it gives';
    if (value instanceof Map) return inspectMap(value, inner);
    if (value instanceof Set) return inspectList(`Set(${value.size}) {`, [...value], inner, '}');
    const own = ownText(value);
    if (own !== undefined) return indented(own);
    if (typeof value === 'function') return inspectFunction(value);
    return inspectFields(value, inner);
  } catch (error) {
    return `[not shown: ${error instanceof Error ? error.message : 'it cannot be read'}]`;
  }
};

type Numbers = ArrayBufferView & ArrayLike<number | bigint>;

const isNumbers = (value: object): value is Numbers =>
  ArrayBuffer.isView(value) && !(value instanceof DataView);

const inspectNumbers = (values: Numbers, place: Place): string => {
  const count = Math.min(values.length, LONGEST);
  const shown = Array.from({ length: count }, (_, i) => values[i]!);
  const numbers = values instanceof Float32Array ? shown.map(shortest) : shown;
  const more = values.length - count;
  const open = `${nameOf(values)}(${values.length}) [`;
  return inspectList(open, numbers, place, ']', more);
};

/** The shortest number that is the same in 32 bits. */
const shortest = (value: number | bigint): number | bigint => {
  if (typeof value === 'bigint') return value;
  for (const digits of [6, 7, 8]) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
};

const inspectList = (
  open: string,
  items: readonly unknown[],
  place: Place,
  close = ']',
  more = items.length - LONGEST,
): string => {
  if (place.depth > DEEPEST) return `${open}…${close}`;
  const parts = items.slice(0, LONGEST).map((item) => inspect(item, place));
  return around(open, more > 0 ? [...parts, `… ${more} more`] : parts, close, place.depth - 1);
};

const inspectMap = (map: ReadonlyMap<unknown, unknown>, place: Place): string => {
  if (place.depth > DEEPEST) return `Map(${map.size}) {…}`;
  const shown = [...map].slice(0, LONGEST);
  const parts = shown.map(([k, v]) => `${inspect(k, place)} => ${inspect(v, place)}`);
  const more = map.size - shown.length;
  const all = more > 0 ? [...parts, `… ${more} more`] : parts;
  return around(`Map(${map.size}) {`, all, '}', place.depth - 1);
};

const inspectFunction = (value: object): string => {
  const name: unknown = Reflect.get(value, 'name');
  const isClass = /^class\b/.test(Function.prototype.toString.call(value));
  return `[${isClass ? 'class' : 'function'} ${name === '' ? '(no name)' : String(name)}]`;
};

const inspectFields = (value: object, place: Place): string => {
  const name = nameOf(value);
  const open = name === 'Object' ? '{' : `${name} {`;
  if (place.depth > DEEPEST) return `${open}…}`;
  const parts = Object.keys(value).map((key) => {
    const field = inspect(Reflect.get(value, key), place);
    return `${isPlainKey(key) ? key : quoted(key)}: ${field}`;
  });
  return around(open, parts, '}', place.depth - 1);
};
