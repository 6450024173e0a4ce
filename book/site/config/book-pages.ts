/**
 * Pages about the book: its contents with the ways through it, and the map of what needs what.
 *
 * Invariant: made of book.yml and the heads of lessons; what is still to come is named and not linked.
 */
import { Graphviz } from '@hpcc-js/wasm-graphviz';
import type { Lesson } from '../../format/lesson.ts';
import { readLesson, slugs } from '../../run/library.ts';
import { book } from './contents.ts';
import { firstHourPage } from './first-hour.ts';

interface Page {
  readonly slug: string;
  readonly markdown: string;
}

const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

const linkTo = ({ slug }: Lesson): string => `/lessons/${slug}/`;

const contents = (lessons: ReadonlyMap<string, Lesson>): string => {
  const { title, subtitle, parts, first, paths } = book();
  const minutes = [...lessons.values()].reduce((sum, lesson) => sum + lesson.minutes, 0);
  const ways = paths.map((path) => {
    const stops = path.lessons.map((id) => {
      const lesson = lessons.get(id);
      return lesson === undefined ? id : `[${lesson.title}](${linkTo(lesson)})`;
    });
    return `### ${path.title}\n\n*${path.motto}*\n\n${path.text}\n\n${stops.join(' → ')}`;
  });
  const list = parts.map((part) => {
    const rows = part.lessons.map(({ id, title: name }) => {
      const lesson = lessons.get(id);
      return lesson === undefined
        ? `- <span class="to-come">${id} ${name}, still to come</span>`
        : `- ${id} [${lesson.title}](${linkTo(lesson)}): ${lesson.concept} *${lesson.minutes} minutes*`;
    });
    return `### ${part.number} ${part.title}\n\n${rows.join('\n')}`;
  });
  return [
    `# ${title}`,
    `${subtitle}. ${counted(lessons.size, 'lesson')} so far, ${minutes} minutes of reading and running; the [map](/map) shows what needs what.`,
    ...(first === undefined ? [] : [`## [${first.title}](/first-hour)`, first.text]),
    '## Three ways through it',
    ...ways,
    '## Contents',
    ...list,
  ].join('\n\n');
};

const quoted = (text: string): string => `"${text.replace(/"/g, "'")}"`;

const map = async (lessons: ReadonlyMap<string, Lesson>): Promise<string> => {
  const all = [...lessons.values()];
  const nodes = all.map(
    (lesson) =>
      `${quoted(lesson.id)} [label=${quoted(`${lesson.id}\\n${lesson.title}`)}, tooltip=${quoted(lesson.concept)}, URL=${quoted(linkTo(lesson))}]`,
  );
  const edges = all.flatMap(({ id, needs }) => needs.map((n) => `${quoted(n)} -> ${quoted(id)}`));
  const style =
    'rankdir=TB; bgcolor="transparent"; node [shape=box, style=rounded, margin="0.25,0.08", fontname="sans-serif"]';
  const graphviz = await Graphviz.load();
  const svg = graphviz.dot(`digraph { ${style}; ${[...nodes, ...edges].join('; ')} }`);
  const picture = svg.slice(svg.indexOf('<svg')).replace(/\n/g, ' ');
  return [
    '# The map',
    'An arrow leads from a lesson to one that builds on it.',
    `<div class="book-map" v-pre>${picture}</div>`,
    ...all.map((lesson) => {
      const names = lesson.needs.map((n) => lessons.get(n)?.title ?? n).join(', ');
      const on = names === '' ? '' : ` builds on ${names}`;
      return `- ${lesson.id} [${lesson.title}](${linkTo(lesson)})${on}`;
    }),
  ].join('\n\n');
};

export const bookPages = async (): Promise<readonly Page[]> => {
  const lessons = new Map(
    slugs()
      .map(readLesson)
      .map((lesson) => [lesson.id, lesson]),
  );
  return [
    ...(book().first === undefined ? [] : [{ slug: 'first-hour', markdown: firstHourPage() }]),
    { slug: 'contents', markdown: contents(lessons) },
    { slug: 'map', markdown: await map(lessons) },
  ];
};
