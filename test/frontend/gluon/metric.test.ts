import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Accuracy, Loss } from '../../../src/frontend/gluon/metric.ts';
import { device, hybridize, nd } from '../../../src/index.ts';
import { fails, rejects } from '../support.ts';

const scores = nd.array([
  [1, 2, 3],
  [3, 1, 2],
  [0, 9, 1],
  [5, 4, 3],
]);
const labels = nd.array(new Int32Array([2, 0, 0, 0]));

test('accuracy counts over batches until it is reset', async () => {
  const accuracy = new Accuracy();
  assert.equal(await accuracy.get(), ['accuracy', Number.NaN]);
  accuracy.update(labels, scores);
  assert.equal(await accuracy.get(), ['accuracy', 0.75]);
  accuracy.update(
    nd.array(new Int32Array([1, 1])),
    nd.array([
      [1, 0],
      [1, 0],
    ]),
  );
  assert.equal(await accuracy.get(), ['accuracy', 0.5]);
  accuracy.reset();
  assert.equal(await accuracy.get(), ['accuracy', Number.NaN]);
  accuracy.update(labels, scores);
  assert.equal(await accuracy.get(), ['accuracy', 0.75]);
});

test('labels of any dtype, classes along any axis, classes given outright, lists of parts', async () => {
  for (const dtype of ['uint8', 'float32', 'uint32'] as const) {
    const accuracy = new Accuracy({ name: dtype });
    accuracy.update(labels.astype(dtype), scores);
    assert.equal(await accuracy.get(), [dtype, 0.75]);
  }
  const pixels = new Accuracy();
  pixels.update(
    nd.array(new Int32Array([0, 1, 1, 1]), { shape: [2, 2] }),
    nd.array([
      [
        [1, 0],
        [0, 1],
      ],
      [
        [0, 0],
        [1, 1],
      ],
    ]),
  );
  assert.is((await pixels.get())[1], 1);
  const last = new Accuracy({ axis: -1 });
  last.update(labels, scores);
  assert.is((await last.get())[1], 0.75);
  const classes = new Accuracy();
  classes.update(labels, nd.array([2, 1, 1, 0]));
  assert.is((await classes.get())[1], 0.5);
  const parts = new Accuracy();
  parts.update([labels, labels], [scores, scores]);
  assert.is((await parts.get())[1], 0.75);
});

test('an update is one program and reads nothing', () => {
  const accuracy = new Accuracy();
  const loss = new Loss();
  for (let i = 0; i < 2; i++) {
    const before = device.activity();
    accuracy.update(labels, scores);
    loss.update(scores);
    const after = device.activity();
    assert.is(after.programs - before.programs, 2);
  }
});

test('the mean of losses, each element counting once', async () => {
  const loss = new Loss({ name: 'validation' });
  assert.equal(await loss.get(), ['validation', Number.NaN]);
  loss.update(nd.array([1, 2, 3]));
  loss.update(nd.array(10));
  assert.equal(await loss.get(), ['validation', 4]);
  loss.reset();
  loss.update(labels, nd.array([7]));
  loss.update([nd.array([8]), nd.array([9])]);
  assert.equal(await loss.get(), ['validation', 8]);
});

test('small losses are not lost in long sums', async () => {
  const loss = new Loss();
  loss.update(nd.array([1e8]));
  const one = nd.array([1]);
  for (let i = 0; i < 1000; i++) loss.update(one);
  const [, value] = await loss.get();
  // float32 steps by 8 at 1e8: without compensation every 1 would be dropped
  assert.is(Math.round(value * 1001), 100001000);
});

test('updates and resets inside a hybridized function', async () => {
  const accuracy = new Accuracy();
  const loss = new Loss();
  const step = hybridize((y: nd.NDArray, out: nd.NDArray) => {
    accuracy.update(y, out);
    loss.update(out);
  });
  for (let i = 0; i < 3; i++) step(labels, scores);
  assert.equal(await accuracy.get(), ['accuracy', 0.75]);
  accuracy.update(labels, nd.array([0, 0, 0, 0]));
  assert.equal(await accuracy.get(), ['accuracy', 0.75]);
  assert.is((await loss.get())[1], 34 / 12);
  const clear = hybridize(() => accuracy.reset());
  clear();
  accuracy.update(labels, nd.array([1, 1, 1, 1]));
  clear();
  accuracy.update(labels, nd.array([2, 0, 0, 0]));
  assert.equal(await accuracy.get(), ['accuracy', 1]);
});

test('reading while tracing is an error', async () => {
  const accuracy = new Accuracy();
  let pending: Promise<unknown> | undefined;
  hybridize((y: nd.NDArray) => {
    pending = accuracy.get();
    return y.add(1);
  })(labels);
  await rejects(() => pending!, 'trace', 'accuracy.get: values are not known while tracing');
});

test('what does not fit is an error that says what does', () => {
  const accuracy = new Accuracy();
  fails(
    () => accuracy.update(scores, labels),
    'shape',
    'Accuracy.update: labels f32[4, 3] do not fit outputs i32[4]',
    'update(labels, outputs)',
  );
  fails(() => accuracy.update(nd.zeros([3]), scores), 'shape', 'labels have shape [4]');
  fails(() => accuracy.update([labels], [scores, scores]), 'value', '1 arrays of labels, 2 of');
  fails(() => accuracy.update(3 as unknown as nd.NDArray, scores), 'value', 'takes NDArrays');
  fails(() => new Accuracy({ axes: 1 } as object), 'option', 'did you mean "axis"?');
  fails(() => new Accuracy({ axis: 0.5 }), 'option', 'Accuracy: axis is 0.5');
  fails(() => new Loss({ nme: 'x' } as object), 'option', 'did you mean "name"?');
  fails(
    () => new Loss().update(3 as unknown as nd.NDArray),
    'value',
    'Loss.update: takes NDArrays',
  );
});

test.run();
