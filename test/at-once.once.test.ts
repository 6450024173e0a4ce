/**
 * Functions that Node's copy of the package marks for the engine: same meaning, and only where it may be.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const path = '../tools/at-once.mjs';
const { compiledAtOnce } = (await import(path)) as { compiledAtOnce(text: string): string };

test('arrow functions of the compiler become function expressions in parentheses, inner ones too', () => {
  const text = [
    '// src/passes/a.ts',
    'var twice = (x, by = 2) => x * by;',
    'var pair = (x) => ({ x });',
    'var nest = x => (y) => { return x + y; };',
    'var none = () => () => 1;',
    '// src/frontend/b.ts',
    'var plain = (x) => x;',
  ].join('\n');
  assert.is(
    compiledAtOnce(text),
    [
      '// src/passes/a.ts',
      'var twice = (function(x, by = 2) { return ( x * by)});',
      'var pair = (function(x) { return ( ({ x }))});',
      'var nest = (function(x) { return ( (function(y)  { return x + y; }))});',
      'var none = (function() { return ( (function() { return ( 1)}))});',
      '// src/frontend/b.ts',
      'var plain = (x) => x;',
    ].join('\n'),
  );
});

test('what means something of the function around it, or waits, stays as it is', () => {
  const text = [
    '// src/ir/a.ts',
    'var A = class { own = () => this.x; made = () => new.target; };',
    'function f() { return () => arguments[0]; }',
    'var later = async (x) => await x;',
    '// src/codegen/wgsl/a.ts',
    'var shader = (x) => x;',
  ].join('\n');
  assert.is(compiledAtOnce(text), text);
});

test.run();
