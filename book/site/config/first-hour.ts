/**
 * The first hour as the site shows it: what each page on the way says, and the page about all of it.
 *
 * Invariant: made of book.yml, the heads of lessons and their recorded runs; minutes are counted, not typed.
 */
import { type Stop, stopsOf } from '../../format/first.ts';
import { readLesson, slugs } from '../../run/library.ts';
import { recordedSeconds } from '../../run/save.ts';
import type { OnTheWay } from '../components/first-hour.ts';
import { book } from './contents.ts';

/** What a lesson's page needs: which sections to leave open, and what to say about the way. */
export interface PageOnTheWay {
  readonly sections: readonly string[];
  readonly way: OnTheWay;
}

const stops = (): readonly Stop[] => stopsOf(book(), slugs().map(readLesson), recordedSeconds());

/** The page of a lesson, its other sections folded. */
const linkTo = ({ lesson }: Stop): string => `/lessons/${lesson.slug}/?first`;

/** The pages on the way, by slug. */
export const pagesOnTheWay = (): ReadonlyMap<string, PageOnTheWay> => {
  const all = stops();
  return new Map(
    all.map((stop, i) => {
      const next = all[i + 1];
      const way: OnTheWay = {
        place: i + 1,
        of: all.length,
        minutes: Math.round(stop.minutes),
        ...(next === undefined ? {} : { next: { title: next.lesson.title, link: linkTo(next) } }),
      };
      return [stop.lesson.slug, { sections: stop.sections, way }];
    }),
  );
};

/** The page about the way, if the book has one. */
export const firstHourPage = (): string => {
  const { first } = book();
  const all = stops();
  const [start] = all;
  if (first === undefined || start === undefined) return '';
  const minutes = all.reduce((sum, stop) => sum + stop.minutes, 0);
  const rows = all.map(
    (stop, i) =>
      `| ${i + 1} | [${stop.lesson.title}](${linkTo(stop)}) | ${stop.sections.join(' · ')} | ${Math.round(stop.minutes)} |`,
  );
  return [
    `# ${first.title}`,
    first.text,
    `[Begin: ${start.lesson.title}](${linkTo(start)})`,
    ['| | lesson | sections | minutes |', '|---|---|---|---|', ...rows].join('\n'),
    `All in all ${Math.ceil(minutes)} minutes. On these pages the other sections are folded; one click opens them, and cells in them run by themselves where a later one needs them. The minutes are counted: 220 words of text a minute, 100 names and numbers of code, a look at each result, and the seconds that cells took when they were last recorded.`,
  ].join('\n\n');
};
