/**
 * Every op is there on every device, with its gradient and the gradient of that, or it says why there is none.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bringEveryFamily } from '../src/codegen/every-family.ts';
import { references } from '../src/ir/graph/reference/registry.ts';
import { graphOps } from '../src/ir/graph/registry.ts';
import { coverage, type DeviceName, WAYS } from './support/coverage.ts';

bringEveryFamily();

test('every op of the registry has a reference with examples', () => {
  for (const [name, op] of graphOps) {
    if (name === 'input') continue;
    assert.ok((references.get(op)?.examples.length ?? 0) > 0, `${name} has no example`);
  }
});

test('no op is missing in any way on any device', () => {
  const holes = coverage().flatMap(({ op, cells }) =>
    (Object.keys(cells) as DeviceName[]).flatMap((device) =>
      WAYS.flatMap((way) => {
        const cell = cells[device][way];
        return cell.is === 'missing' ? [`${op.name} on ${device}, ${way}: ${cell.why}`] : [];
      }),
    ),
  );
  assert.equal(holes, []);
});

test.run();
