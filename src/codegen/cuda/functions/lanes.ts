/**
 * Functions and operators of four lanes, made from what they do to one.
 *
 * Invariant: a lane is computed as a number alone is.
 */
import { invariant } from '../../../ir/errors.ts';
import { ELEMS, type Elem, isWideElem } from '../../../ir/thread/thread.ts';
import { typeName } from '../types.ts';

const LANES = ['x', 'y', 'z', 'w'] as const;

const WIDE: Readonly<Record<string, string>> = {
  float: 'float4',
  int: 'int4',
  unsigned: 'uint4',
  bool: 'bool4',
};
const wide = (type: string): string => {
  const name = WIDE[type];
  invariant(name !== undefined, `${type} has a vector`);
  return name;
};

interface Parameter {
  readonly type: string;
  readonly name: string;
}
interface Signature {
  readonly result: string;
  readonly name: string;
  readonly parameters: readonly Parameter[];
}

/** Result, name and parameters of a function, from its text. */
export const signatureOf = (text: string): Signature => {
  const found = /DEVICE ([\w ]+) (\w+)\(([^)]*)\)/.exec(text);
  invariant(found !== null, 'the text of a function begins with its signature');
  const parameters = found[3]!.split(', ').map((p): Parameter => {
    const space = p.lastIndexOf(' ');
    return { type: p.slice(0, space), name: p.slice(space + 1) };
  });
  return { result: found[1]!, name: found[2]!, parameters };
};

/** A function of four lanes, given what it does to one; names of `uniform` parameters stay as they are. */
const fourLanes = (
  { result, name, parameters }: Signature,
  one: (lane: (parameter: string) => string) => string,
): string => {
  const list = parameters.map((p) => `${wide(p.type)} ${p.name}`).join(', ');
  const lanes = LANES.map((lane) => one((parameter) => `${parameter}.${lane}`));
  const short = `DEVICE ${wide(result)} ${name}(${list}) { return {${lanes.join(', ')}}; }`;
  if (short.length <= 110) return short;
  const lines = lanes
    .map((l) => `    ${l},`)
    .join('\n')
    .replace(/,$/, '');
  return `DEVICE ${wide(result)} ${name}(${list}) {\n  return {\n${lines}\n  };\n}`;
};

/** The function of four lanes that calls one of a single number, named like it. */
export const laneByLane = (signature: Signature): string =>
  fourLanes(
    signature,
    (lane) => `${signature.name}(${signature.parameters.map((p) => lane(p.name)).join(', ')})`,
  );

const made = (
  result: string,
  name: string,
  parameters: string,
  one: string,
): [Signature, string] => [signatureOf(`DEVICE ${result} ${name}(${parameters})`), one];

/** Functions that one number needs none for. */
const EXPRESSIONS: readonly (readonly [Signature, string])[] = [
  ...['int', 'unsigned', 'bool'].map((type) => made('float', 'to_float', `${type} x`, '(float)$x')),
  made('int', 'to_int', 'bool x', '(int)$x'),
  made('unsigned', 'to_unsigned', 'bool x', '(unsigned)$x'),
  ...['float', 'int', 'unsigned', 'bool'].map((type) =>
    made(type, 'select', `${type} x, ${type} y, bool condition`, '$condition ? $x : $y'),
  ),
];

const ARITHMETIC: Readonly<Record<'+' | '-' | '*', string>> = {
  '+': 'wrapped_sum',
  '-': 'wrapped_difference',
  '*': 'wrapped_product',
};
const isArithmetic = (operator: string): operator is keyof typeof ARITHMETIC =>
  Object.hasOwn(ARITHMETIC, operator);

/** What an operator of vectors does to a lane. */
const infix = (operator: string, elem: Elem): string =>
  elem === 'i32' && isArithmetic(operator)
    ? `${ARITHMETIC[operator]}($x, $y)`
    : elem === 'bool' && (operator === '&' || operator === '|')
      ? `$x ${operator}${operator} $y`
      : `$x ${operator} $y`;

/** An operator of vectors; `negative` is the minus of one operand. */
export const operatorText = (operator: string, elem: Elem): string => {
  const type = typeName({ elem, lanes: 1 });
  const result = /^([=!<>]=|<|>)$/.test(operator) ? 'bool' : type;
  const [parameters, one] =
    operator === '!' || operator === 'negative'
      ? [[{ type, name: 'x' }], `${operator === '!' ? '!' : '-'}$x`]
      : [['x', 'y'].map((name) => ({ type, name })), infix(operator, elem)];
  const name = `operator${operator === 'negative' ? '-' : operator}`;
  return fourLanes({ result, name, parameters }, (lane) => expand(one, lane));
};

const expand = (one: string, lane: (parameter: string) => string): string =>
  one.replace(/\$(\w+)/g, (_, parameter: string) => lane(parameter));

/** One value in all lanes. */
const splat = (elem: Elem): string =>
  `DEVICE ${typeName({ elem, lanes: 4 })} splat(${typeName({ elem, lanes: 1 })} x) { return {x, x, x, x}; }`;

/** What a thread of the warp has, lane by lane. */
const exchange = (elem: Elem): string => {
  const type = typeName({ elem, lanes: 4 });
  const lanes = LANES.map((lane) => `exchange(x.${lane}, mask)`).join(', ');
  return `DEVICE ${type} exchange(${type} x, int mask) {\n  return {${lanes}};\n}`;
};

/** Elements that there are four of in a register. */
const LANED: readonly Elem[] = ELEMS.filter((elem) => !isWideElem(elem));

/** Functions that exist for four lanes alone. */
export const laneFunctions: readonly string[] = [
  ...EXPRESSIONS.map(([signature, one]) => fourLanes(signature, (lane) => expand(one, lane))),
  ...LANED.map(splat),
  ...LANED.map(exchange),
];
