/** On `tigon/web`, methods that bring much with them say so, until a page asks for them. */
import { device, nd, TigonError } from 'tigon/web';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

device.setDefault(await device.cpu());
const x = nd.array([
  [1, 2, 3],
  [4, 5, 6],
]);
const places = nd.array([2, 0], { dtype: 'int32' });
const help = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof TigonError) return `${error.message}; ${error.help}`;
  }
  return 'it ran';
};

test('keys of positions and ranges are read', () => {
  assert.equal(x.at(-1).arraySync(), [4, 5, 6]);
  assert.equal(x.slice(':', [0, null, 2]).arraySync(), [
    [1, 3],
    [4, 6],
  ]);
});

test('what is not here says what to write', async () => {
  assert.match(
    help(() => x.take(places, { axis: 1 })),
    /x\.take: the method is not in this page[\s\S]*write nd\.take\(x, …\), or import 'tigon\/methods'/,
  );
  assert.match(
    help(() => x.slice('...', places)),
    /x\.slice: what arrays in keys mean is not in this page[\s\S]*nd\.slice\(x, …\)/,
  );
  assert.equal(nd.slice(x, '...', places).arraySync(), [
    [3, 1],
    [6, 4],
  ]);
});

test("'tigon/methods' brings them", async () => {
  await import('tigon/methods');
  assert.equal(x.take(places, { axis: 1 }).arraySync(), x.slice('...', places).arraySync());
  assert.equal(x.set([0, places], 7).std().shape, []);
});

test.run();
