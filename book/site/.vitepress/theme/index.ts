/**
 * VitePress' own theme, with lessons in it.
 *
 * Invariant: loads nothing of the framework: that is the worker's.
 */
import type { Theme } from 'vitepress';
import DefaultTheme from 'vitepress/theme';
import { LessonCell } from '../../components/cell.ts';
import { LaterSection } from '../../components/first-hour.ts';
import { Lesson } from '../../components/lesson.ts';
import './cells.css';

const theme: Theme = {
  extends: DefaultTheme,
  enhanceApp({ app }) {
    app.component('LessonCell', LessonCell);
    app.component('Lesson', Lesson);
    app.component('LaterSection', LaterSection);
  },
};

export default theme;
