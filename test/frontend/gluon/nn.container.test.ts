import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import { nd } from '../../../src/index.ts';
import { fails, testAtOnce } from '../support.ts';

test('containers: children by number, added, counted, iterated, named', () => {
  for (const Kind of [nn.Sequential, nn.HybridSequential]) {
    const first = new nn.Dense(3);
    const last = new nn.Activation('relu');
    const net = new Kind(first).add(new nn.Flatten(), last);
    assert.is(net.length, 3);
    assert.is(net[0], first);
    assert.is(net.at(-1), last);
    assert.equal([...net].length, 3);
    assert.equal([...net.collectParams().keys()], ['0.weight', '0.bias']);
    fails(() => net.at(3), 'value', 'there is no block 3 of 3', '-3 to 2');
    fails(
      () => net.add(((x: nd.NDArray) => x) as never),
      'value',
      'item 3 is a function',
      'HybridLambda',
    );
    fails(() => new Kind(null as never), 'value', 'item 0 is null');
    net.initialize();
    assert.equal(net(nd.ones([2, 4])).shape, [2, 3]);
    net.hybridize();
    assert.equal(net(nd.ones([2, 4])).shape, [2, 3]);
  }
  assert.is(new nn.Sequential().length, 0);
  assert.is(new nn.Sequential()(nd.ones([1])).size, 1);
});

test('a container that changes after it was compiled is compiled anew', async () => {
  const net = new nn.HybridSequential(new nn.HybridLambda((x) => x.mul(2)));
  net.hybridize();
  const x = nd.array([1]);
  assert.is(await net(x).item(), 2);
  net.add(new nn.HybridLambda((y) => y.add(1)));
  assert.is(await net(x).item(), 3);
});

testAtOnce('functions as blocks: Lambda may read values, also inside a compiled net', async () => {
  const seen: number[] = [];
  const net = new nn.HybridSequential(
    new nn.HybridLambda((x) => x.add(1)),
    new nn.Lambda((x: nd.NDArray) => {
      seen.push(x.sum().itemSync());
      return x;
    }),
    new nn.HybridLambda((x) => x.mul(2)),
  );
  net.hybridize();
  assert.equal(await net(nd.array([1, 2])).array(), [4, 6]);
  assert.equal(await net(nd.array([3, 4])).array(), [8, 10]);
  assert.equal(seen, [5, 9]);
  const two = new nn.HybridLambda((a: nd.NDArray, b: nd.NDArray) => [a.add(b), a.sub(b)] as const);
  assert.equal(await Promise.all(two(nd.array([3]), nd.array([1])).map((y) => y.item())), [4, 2]);
});

test.run();
