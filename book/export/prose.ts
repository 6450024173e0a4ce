/**
 * Prose of lessons outside of the site: in notebooks and on paper.
 *
 * Invariant: only links, pictures and what the site alone understands are changed; code in the text stays as it is.
 */

/** What an address becomes; undefined: it stays. */
export type Redirect = (target: string) => string | undefined;

const FENCE = /^(\s*)(`{3,}|~{3,})/;
const LINK = /(\]\()([^)\s]+)((?:\s+"[^"]*")?\))|((?:src|href)=")([^"]+)(")/g;

/** The Markdown with other addresses, outside of fences and of code in a line. */
export const redirected = (markdown: string, redirect: Redirect): string => {
  let isInside = false;
  const inText = (text: string): string =>
    text.replaceAll(LINK, (whole, before, target, after, start, address, end) => {
      const to = redirect(String(target ?? address));
      if (to === undefined) return whole;
      return target === undefined ? `${start}${to}${end}` : `${before}${to}${after}`;
    });
  return markdown
    .split('\n')
    .map((line) => {
      const isMark = FENCE.test(line);
      if (isMark) isInside = !isInside;
      if (isInside || isMark) return line;
      return line
        .split(/(`+[^`]*`+)/)
        .map((part, i) => (i % 2 === 1 ? part : inText(part)))
        .join('');
    })
    .join('\n');
};

/** The text with quoted values as plain text. */
export const withoutMarks = (markdown: string): string =>
  markdown.replaceAll(/<!--=.*?-->([\s\S]*?)<!--\/-->/g, '$1');

/** The folder of the lesson that a link leads to, with the place in it: `../01-01-tensors/lesson.md#shapes`. */
export const lessonLink = (target: string): { slug: string; anchor: string } | undefined => {
  const found = /^\.\.\/([^/]+)\/(?:lesson\.md)?(#.*)?$/.exec(target);
  return found === null ? undefined : { slug: found[1]!, anchor: found[2] ?? '' };
};
