/**
 * The settings of the site: what pages there are, how they are bundled, how they are served while one writes.
 *
 * Invariant: the bundle is of sources, by the conditions that browsers use; nothing is fetched from other hosts.
 */
import { fileURLToPath } from 'node:url';
import type { UserConfig } from 'vitepress';
import { aliases, ROOT } from './aliases.ts';
import { navigation, sidebar } from './contents.ts';
import { pagesOnTheWay } from './first-hour.ts';
import { useLessons } from './markdown.ts';
import { namesPlugin } from './names.ts';
import { partsPlugin } from './parts.ts';
import { recordedMarkup } from './recorded.ts';
import { search } from './search.ts';

/** What lets a page share memory between threads. */
const ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

/** Two stripes and a half: what a tigon has. */
const ICON = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="#e8912d"/><path d="M3 3l3 10M8 3l2 7M12.500 3l1 4" stroke="#3b2410" stroke-width="2" stroke-linecap="round"/></svg>',
)}`;

const bundling = () => ({
  plugins: [namesPlugin(), partsPlugin()],
  resolve: {
    alias: aliases(),
    conditions: ['tigon-source', 'browser', 'module', 'import', 'default'],
  },
  worker: { format: 'es' as const, plugins: () => [namesPlugin(), partsPlugin()] },
  build: { target: 'es2022', chunkSizeWarningLimit: 2000 },
  esbuild: { target: 'es2022' as const },
  server: { headers: ISOLATED, fs: { allow: [ROOT] } },
});

export const siteConfig = async (): Promise<UserConfig> => {
  const recorded = await recordedMarkup();
  const firstHour = pagesOnTheWay();
  return {
    title: 'Tigon',
    description: 'Deep learning, imperatively and compiled: lessons that run in your browser',
    lang: 'en',
    head: [['link', { rel: 'icon', type: 'image/svg+xml', href: ICON }]],
    // a lesson is large: what a page links to is fetched when it is wanted
    router: { prefetchLinks: false },
    cleanUrls: true,
    lastUpdated: false,
    srcDir: ROOT,
    srcExclude: [
      '*.md',
      'lessons/README.md',
      'docs/**',
      'test/**',
      'bench/**',
      'src/**',
      'examples/**',
      'dist/**',
    ],
    rewrites: {
      'lessons/:slug/lesson.md': 'lessons/:slug/index.md',
      'lessons/cheatsheets/:name.md': 'cheatsheets/:name.md',
      'book/site/pages/reference/:page.md': 'reference/:page.md',
      'book/site/pages/:page.md': ':page.md',
    },
    cacheDir: fileURLToPath(new URL('../.vitepress/cache', import.meta.url)),
    markdown: {
      theme: { light: 'github-light-high-contrast', dark: 'github-dark-default' },
      config: (md) => useLessons(md, recorded, firstHour),
    },
    vite: bundling(),
    themeConfig: {
      nav: navigation(),
      sidebar: sidebar(),
      search: { provider: 'local', options: search },
      outline: { level: [2, 3] },
      docFooter: { prev: 'Before', next: 'Next' },
    },
  };
};
