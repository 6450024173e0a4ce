/**
 * SVG as text: elements, attributes, words.
 *
 * Invariant: words are escaped, whatever is in them.
 */
import type { Value } from './displayable.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

export const escaped = (words: string): string =>
  words.replace(/[&<>"]/g, (letter) => ENTITIES[letter]!);

type Attributes = Readonly<Record<string, string | number | undefined>>;

/** An element; `inside` is SVG already. */
export const element = (name: string, attributes: Attributes, inside: string = ''): string => {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escaped(String(value))}"`)
    .join('');
  return inside === '' ? `<${name}${written}/>` : `<${name}${written}>${inside}</${name}>`;
};

/** A line of words. */
export const words = (text: string, attributes: Attributes): string =>
  element('text', { fill: 'currentColor', ...attributes }, escaped(text));

/** A number on an axis. */
export const tick = (value: Value): string =>
  value === null ? '' : String(Number(value.toPrecision(3)));

/** A drawn part of a figure: SVG around its own origin. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly svg: string;
}
