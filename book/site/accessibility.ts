/**
 * Whether everybody can use a page: names of what can be operated, contrast of text, order of headings.
 *
 * Invariant: looks at what is visible, with the colours that are shown. Contrast by WCAG 2.2, 1.4.3: 4.5, or 3 for large
 * text.
 */
import type { Page } from 'playwright-core';

/** What is wrong with the page, each with the element that shows it. */
export const accessibility = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const faults: string[] = [];
    const shown = (e: Element): boolean =>
      e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
    const brief = (e: Element): string => e.outerHTML.replace(/\s+/g, ' ').slice(0, 120);
    const nameOf = (e: Element): string => {
      const by = e.getAttribute('aria-labelledby');
      const labels = (e as HTMLInputElement).labels;
      return [
        e.getAttribute('aria-label'),
        by === null ? '' : document.getElementById(by)?.textContent,
        labels === undefined || labels === null
          ? ''
          : [...labels].map((l) => l.textContent).join(' '),
        e.textContent,
        e.getAttribute('title'),
        e.getAttribute('alt'),
        e.getAttribute('placeholder'),
        ...[...e.querySelectorAll('[aria-label], img[alt], svg title')].map(
          (inner) =>
            inner.getAttribute('aria-label') ?? inner.getAttribute('alt') ?? inner.textContent,
        ),
      ]
        .join('')
        .trim();
    };
    for (const e of document.querySelectorAll(
      'a[href], button, input, select, textarea, summary, [role=button], [role=tab], [tabindex="0"]',
    ))
      if (shown(e) && nameOf(e) === '') faults.push(`no name: ${brief(e)}`);
    for (const e of document.querySelectorAll('img, [role=img]'))
      if (shown(e) && nameOf(e) === '' && !e.hasAttribute('alt'))
        faults.push(`no description: ${brief(e)}`);
    if (document.documentElement.lang === '') faults.push('the page does not say its language');
    if (document.title === '') faults.push('the page has no title');
    let level = 0;
    for (const e of document.querySelectorAll('main :is(h1, h2, h3, h4)')) {
      const now = Number(e.tagName[1]);
      if (level > 0 && now > level + 1)
        faults.push(`h${level} is followed by h${now}: ${brief(e)}`);
      level = now;
    }
    const ids = new Set<string>();
    for (const { id } of document.querySelectorAll('[id]')) {
      if (id !== '' && ids.has(id)) faults.push(`two elements have the id ${id}`);
      ids.add(id);
    }

    type Colour = readonly [r: number, g: number, b: number, a: number];
    const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })!;
    const colourOf = (css: string): Colour => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = css;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      return [r!, g!, b!, a! / 255];
    };
    const over = (top: Colour, under: Colour): Colour => {
      const mix = (i: 0 | 1 | 2): number => top[i] * top[3] + under[i] * (1 - top[3]);
      return [mix(0), mix(1), mix(2), 1];
    };
    const behind = (e: Element | null): Colour => {
      if (e === null)
        return document.documentElement.classList.contains('dark')
          ? [27, 27, 31, 1]
          : [255, 255, 255, 1];
      const own = colourOf(getComputedStyle(e).backgroundColor);
      return own[3] === 1 ? own : over(own, behind(e.parentElement));
    };
    const luminance = ([r, g, b]: Colour): number => {
      const [x, y, z] = [r, g, b].map((v) => {
        const c = v / 255;
        return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * x! + 0.7152 * y! + 0.0722 * z!;
    };
    const seen = new Set<string>();
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
      const e = node.parentElement;
      if (e === null || node.textContent?.trim() === '' || !shown(e)) continue;
      if (e.closest('svg, script, style, .visually-hidden, :disabled')) continue;
      const style = getComputedStyle(e);
      if (style.backgroundClip === 'text' || style.color === 'rgba(0, 0, 0, 0)') continue;
      const ground = behind(e);
      const [light, dark] = [
        luminance(over(colourOf(style.color), ground)),
        luminance(ground),
      ].sort((a, b) => b - a);
      const ratio = (light! + 0.05) / (dark! + 0.05);
      const size = Number.parseFloat(style.fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      const key = `${style.color} on ${ground.map(Math.round).join(' ')}`;
      if (ratio >= (isLarge ? 3 : 4.5) - 0.01 || seen.has(key)) continue;
      seen.add(key);
      faults.push(`contrast ${ratio.toFixed(2)} (${key}): ${brief(e)}`);
    }
    return faults;
  });
