/**
 * What is where: the bar on top and the list at the side.
 *
 * Invariant: made of the lessons and pages that exist, in the order of the book.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { DefaultTheme } from 'vitepress';
import { type Book, parseBook } from '../../format/book.ts';
import { referencePages } from '../../reference/pages.ts';
import { readLesson, root, slugs } from '../../run/library.ts';

/** The book's contents, those that are still to come as well. */
export const book = (): Book =>
  parseBook(readFileSync(`${root}lessons/book.yml`, 'utf8'), 'lessons/book.yml');

export const navigation = (): DefaultTheme.NavItem[] => [
  { text: 'Lessons', link: '/contents', activeMatch: '^/(lessons|contents)' },
  { text: 'Playground', link: '/playground' },
  { text: 'Reference', link: '/reference/tigon', activeMatch: '^/reference' },
  { text: 'Coming from …', items: cheatSheets() },
  { text: 'Benchmark', link: '/benchmark' },
];

/** `pytorch`: its title is the first line of the file. */
const cheatSheets = (): DefaultTheme.NavItemWithLink[] =>
  readdirSync(`${root}lessons/cheatsheets`)
    .filter((name) => name.endsWith('.md'))
    .map((name) => ({ text: name.slice(0, -3), link: `/cheatsheets/${name.slice(0, -3)}` }));

export const sidebar = (): DefaultTheme.SidebarMulti => {
  const lessons = slugs().map(readLesson);
  const { first, parts: all } = book();
  const parts = all.map(
    (part): DefaultTheme.SidebarItem => ({
      text: `${part.number} ${part.title}`,
      collapsed: false,
      items: lessons
        .filter((lesson) => lesson.id.startsWith(`${part.number}-`))
        .map((lesson) => ({ text: lesson.title, link: `/lessons/${lesson.slug}/` })),
    }),
  );
  const reference = referencePages().map(({ slug, title }) => ({
    text: title,
    link: `/reference/${slug}`,
  }));
  return {
    '/lessons/': [
      {
        items: [
          ...(first === undefined ? [] : [{ text: first.title, link: '/first-hour' }]),
          { text: 'Contents', link: '/contents' },
        ],
      },
      ...parts.filter((part) => part.items!.length > 0),
    ],
    '/reference/': [{ text: 'Reference', items: reference }],
  };
};
