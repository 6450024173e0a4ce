import { test } from 'uvu';
import { testExamples } from './examples.ts';

const FILES = [
  ...[
    'elementwise',
    'pairs',
    'padding',
    'bits',
    'special',
    'shape',
    'rearrange',
    'joining',
    'diagonals',
    'grids',
  ],
  ...[
    'edit',
    'calculus',
    'sequence',
    'indexing',
    'gathers',
    'products',
    'einsum',
    'moments',
    'transfer',
  ],
];
testExamples(FILES.map((name) => `frontend/nd/${name}.ts`));

test.run();
