/**
 * The reference of the API: a page for each subpath and namespace of the package, made of docstrings.
 *
 * Invariant: has every public function, class and method that the package exports; says what the docstring says.
 */
import { type Entry, nameOfSubpath, publicEntries } from './public.ts';
import { signatureOf } from './signature.ts';

export interface ReferencePage {
  /** `nn`, `io-npy`, `nd-fft`; `tigon` for the package itself. */
  readonly slug: string;
  /** As users name it: `tigon/nn`, `nd.fft`. */
  readonly title: string;
  readonly markdown: string;
}

/** What is text in a docstring may look like markup to what reads Markdown. */
const escaped = (text: string): string =>
  text
    .split(/(`[^`]*`)/)
    .map((part, i) =>
      i % 2 === 1
        ? part
        : part
            .replace(/</g, '&lt;')
            .replace(/\{\{/g, '{\u200b{')
            .replace(/\[(?=[^\]]*\](?!\())/g, '\\['),
    )
    .join('');

const linked = (text: string): string =>
  text.replace(/\{@link\s+([^}|\s]+)[^}]*\}/g, (_, name: string) => `\`${name}\``);

interface Doc {
  readonly text: string;
  readonly throws: readonly string[];
  readonly sees: readonly string[];
  readonly examples: readonly string[];
}

/** A docstring in its parts. Examples keep their lines. */
export const docOf = (doc: string): Doc => {
  const [text = '', ...tags] = doc.split(/^@(?=throws|see|example|param|returns)/m);
  const of = (tag: string): string[] =>
    tags
      .filter((t) => t.startsWith(tag))
      .map((t) =>
        t
          .slice(tag.length)
          .replace(/^ /, '')
          .replace(/^\n|\s+$/g, ''),
      );
  return { text: text.trim(), throws: of('throws'), sees: of('see'), examples: of('example') };
};

const throwsLine = (line: string): string => {
  const [, kind, when] = /^\{(\w+)\}\s*([\s\S]*)$/.exec(line) ?? [];
  return kind === undefined
    ? `- Throws ${escaped(linked(line))}`
    : `- Throws \`${kind}\` ${escaped(linked(when!))}`;
};

const entryText = (entry: Entry): string => {
  const { text, throws, sees, examples } = docOf(entry.doc ?? '');
  const level = entry.kind === 'member' ? '###' : '##';
  const signature = signatureOf(entry);
  const parts = [
    `${level} \`${entry.name}\` {#${anchorOf(entry.name)}}`,
    ...(signature === undefined ? [] : [`\`\`\`ts-nocell\n${signature}\n\`\`\``]),
    escaped(linked(text)),
    throws.map(throwsLine).join('\n'),
    ...(sees.length === 0 ? [] : [`See ${sees.map((s) => escaped(linked(s))).join(', ')}.`]),
    ...examples.map((example) => `\`\`\`ts-nocell\n${example}\n\`\`\``),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
};

/** `nd.fft.fft` as a fragment of an address. */
const anchorOf = (name: string): string => name.replace(/[^A-Za-z0-9]+/g, '-').toLowerCase();

/** Where an entry is listed: its subpath, or, of the package itself, the namespace it is in. */
interface Place {
  readonly slug: string;
  readonly title: string;
  readonly code: string;
}

const placeOf = ({ name, kind, subpath }: Entry): Place => {
  if (subpath !== '.') {
    const title = `tigon${subpath.slice(1)}`;
    const code = `import * as ${nameOfSubpath(subpath)} from '${title}';`;
    return { slug: subpath.slice(2).replaceAll('/', '-'), title, code };
  }
  const namespaces = name.split('.').slice(0, kind === 'member' ? -2 : -1);
  if (namespaces.length === 0)
    return { slug: 'tigon', title: 'tigon', code: "import { hybridize, Trainer } from 'tigon';" };
  const title = namespaces.join('.');
  return {
    slug: namespaces.join('-'),
    title,
    code: `import { ${namespaces[0]} } from 'tigon';   // ${title}`,
  };
};

/** All pages: the package itself, its namespaces, its subpaths. */
export const referencePages = (): readonly ReferencePage[] => {
  const pages = new Map<string, { readonly place: Place; readonly entries: Entry[] }>();
  for (const entry of publicEntries()) {
    const place = placeOf(entry);
    const page = pages.get(place.slug) ?? { place, entries: [] };
    pages.set(place.slug, page);
    page.entries.push(entry);
  }
  return [...pages.values()].map(({ place: { slug, title, code }, entries }) => {
    const count = entries.filter((e) => e.kind !== 'member').length;
    const what = `${count} ${count === 1 ? 'function or class' : 'functions and classes'}.`;
    const body = entries.map(entryText).join('\n\n');
    const markdown = `# ${title}\n\n\`\`\`ts-nocell\n${code}\n\`\`\`\n\n${what}\n\n${body}\n`;
    return { slug, title, markdown };
  });
};
