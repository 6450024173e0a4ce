/**
 * Docstring examples as the type checker sees them: one project of a module for each, checked at once.
 *
 * Invariant: the options are the project's own, but for those about files that others import and about what is unused.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, subpaths } from '../../book/reference/public.ts';
import { freeNames, parseText } from '../../book/reference/syntax.ts';
import { type Example, homeOf, SCENE, usedAsNamespace } from './examples.ts';

const OPTIONS = {
  noUnusedLocals: false,
  noUnusedParameters: false,
  isolatedDeclarations: false,
  verbatimModuleSyntax: false,
  declaration: false,
  declarationMap: false,
  sourceMap: false,
} as const;

const specifier = (subpath: string): string => subpath.replace('.', 'tigon');

/** The names that an example leaves free, in one line of imports. */
const imports = ({ entry, code }: Example): string => {
  const { body } = parseText('example.ts', code);
  const namespaces = usedAsNamespace(body);
  const given: string[] = [];
  const lines = [...freeNames(body)].map((name) => {
    const home = homeOf(name, entry.subpath, namespaces.has(name));
    switch (home?.kind) {
      case undefined:
        return '';
      case 'scene':
        given.push(name);
        return '';
      case 'member':
        return `import { ${name} } from '${specifier(home.subpath)}';`;
      case 'namespace':
        return `import * as ${name} from '${specifier(home.subpath)}';`;
      default:
        return home satisfies never;
    }
  });
  if (given.length > 0)
    lines.push(`import { scene } from './scene.mts'; const { ${given.join(', ')} } = scene();`);
  return lines.join(' ');
};

/** Errors of the sources themselves are told by the check of all code. */
const isElsewhere = (line: string): boolean => /^\.\.\/.*: error /.test(line);

/** What is wrong with the types of examples, as `name, line of the example: message`. */
export const typeErrors = (examples: readonly Example[]): readonly string[] => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tigon-types-')));
  try {
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: join(root, 'tsconfig.json'),
        compilerOptions: {
          ...OPTIONS,
          paths: Object.fromEntries(subpaths.map((s) => [specifier(s.subpath), [s.file]])),
          typeRoots: [join(root, 'node_modules/@types')],
        },
        include: ['*.mts'],
        exclude: [],
      }),
    );
    writeFileSync(
      join(folder, 'scene.mts'),
      `import { autograd, device, HybridBlock, nd, Trainer } from 'tigon';
import * as nn from 'tigon/nn';
import { SoftmaxCrossEntropyLoss } from 'tigon/loss';
${SCENE}`,
    );
    const checked = examples.filter((example) => example.isCode);
    checked.forEach((example, i) => {
      writeFileSync(
        join(folder, `e${i}.mts`),
        `${imports(example)}\n${example.code}\nexport {};\n`,
      );
    });
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [tsc, '-p', folder, '--singleThreaded', '--pretty', 'false'],
      {
        cwd: folder,
        encoding: 'utf8',
        maxBuffer: 2 ** 26,
      },
    );
    return `${stdout}${stderr}`
      .split(/\n(?=\S)/)
      .filter((line) => line.trim() !== '' && !isElsewhere(line))
      .map((line) => {
        const [, index, row, message] =
          /^e(\d+)\.mts\((\d+),\d+\): error ([\s\S]*)/.exec(line) ?? [];
        return index === undefined
          ? line
          : `${checked[Number(index)]!.entry.name}, line ${Number(row) - 1}: ${message!.trim()}`;
      });
  } finally {
    rmSync(folder, { recursive: true });
  }
};
