/**
 * What the search finds, and how it takes a question.
 *
 * Invariant: names of the reference, whose pages are made and not written, are found like headings of lessons; a lesson
 * comes first where both have the word, and words that stand in every sentence count for nothing.
 */
import type { DefaultTheme } from 'vitepress';
import { referencePages } from '../../reference/pages.ts';

interface Section {
  readonly anchor?: string;
  readonly titles: string[];
  readonly text: string;
}

type Split = NonNullable<
  NonNullable<DefaultTheme.LocalSearchOptions['miniSearch']>['_splitIntoSections']
>;

const HEADING = /^##+ `([^`]+)` \{#([a-z0-9-]+)\}$/gm;

/** The entries of a page of the reference, with what they are said to do. */
const entriesOf = (title: string, markdown: string): Section[] => {
  const heads = [...markdown.matchAll(HEADING)];
  const entries = heads.map(([head, name, anchor], i): Section => {
    const from = heads[i]!.index + head.length;
    const body = markdown.slice(from, heads[i + 1]?.index);
    const text = body.replaceAll(/```[\s\S]*?```/g, ' ').trim();
    return { anchor: anchor!, titles: [title, name!], text };
  });
  return [{ titles: [title], text: '' }, ...entries];
};

let reference: ReadonlyMap<string, Section[]> | undefined;

/** Sections of pages of the reference; of the others nothing, so that they are split at their headings. */
const split = ((path: string): Section[] | undefined => {
  const [, slug] = /\/reference\/([\w-]+)\.md$/.exec(path) ?? [];
  if (slug === undefined) return undefined;
  reference ??= new Map(
    referencePages().map((page) => [page.slug, entriesOf(page.title, page.markdown)]),
  );
  return reference.get(slug);
}) as Split;

export const search: DefaultTheme.LocalSearchOptions = {
  miniSearch: {
    _splitIntoSections: split,
    // these two are sent to the page as text, and can name nothing from outside
    options: {
      processTerm: (term) =>
        /^(?:an?|and|are|as|at|be|by|can|do|does|for|from|get|how|i|in|is|it|my|of|on|or|that|the|there|this|to|what|when|where|which|why|with|you)$/i.test(
          term,
        )
          ? null
          : term.toLowerCase(),
    },
    searchOptions: {
      boostDocument: (id: string) => (/\/reference\//.test(id) ? 0.5 : 1),
    },
  },
};
