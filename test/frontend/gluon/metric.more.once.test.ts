import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as metric from '../../../src/frontend/gluon/metric.ts';
import { hybridize, nd } from '../../../src/index.ts';
import { fails, rejects } from '../support.ts';

test('what does not fit is an error that says what does', () => {
  const wide = nd.ones([2, 3]);
  const two = nd.ones([2]);
  const wrong: readonly (readonly [() => void, ...string[]])[] = [
    [
      () => new metric.TopKAccuracy().update(nd.ones([3]), wide),
      'TopKAccuracy.update',
      'after the axes',
    ],
    [() => new metric.BinaryAccuracy().update(two, nd.ones([3])), 'BinaryAccuracy.update'],
    [
      () => new metric.F1().update(two, nd.ones([3])),
      'f1.update',
      'one score for each label, or two',
    ],
    [() => new metric.F1({ classType: 'multiclass' }).update(two, two), 'an axis of classes'],
    [
      () => new metric.F1({ classType: 'multilabel' }).update(two, wide),
      'one number for each class',
    ],
    [() => new metric.PCC().update(nd.ones([3]), wide), 'PCC.update'],
    [() => new metric.MAE().update(two, nd.ones([3])), 'mae.update', 'the same shape'],
    [() => new metric.MeanCosineSimilarity().update(two, wide), 'vectors along the last axis'],
    [() => new metric.CrossEntropy().update(nd.ones([3]), wide), 'labels have shape [2]'],
  ];
  for (const [run, ...parts] of wrong) fails(run, 'shape', ...parts);
  const classes = new metric.PCC();
  classes.update(two, wide);
  fails(() => classes.update(two, nd.ones([2, 4])), 'shape', 'the number of classes, 4, differs');
  fails(() => new metric.PCC().update(two, two), 'option', 'how many there are', 'classes: 10');
  fails(() => metric.create('acuracy'), 'option', "did you mean 'accuracy'?");
  fails(() => metric.create(3 as never), 'option', 'there is no metric 3');
  fails(() => new metric.Fbeta({ beta: 0 }), 'option', 'Fbeta: beta is 0');
  fails(() => new metric.F1({ average: 'mean' as never }), 'option', 'F1: average is "mean"');
  fails(() => new metric.TopKAccuracy({ topK: 0 }), 'option', 'topK is 0');
  fails(() => new metric.MAE({ names: 'x' } as never), 'option', 'did you mean "name"?');
  fails(() => new metric.MAE({ name: 3 as never }), 'option', 'MAE: name is 3');
  const option: readonly (readonly [() => unknown, string])[] = [
    [() => new metric.BinaryAccuracy({ threshold: '1' as never }), 'BinaryAccuracy: threshold'],
    [() => new metric.MCC({ threshold: Number.NaN }), 'MCC: threshold is NaN'],
    [() => new metric.PCC({ classes: 0 }), 'PCC: classes is 0'],
    [() => new metric.Perplexity({ eps: -1 }), 'Perplexity: eps is -1'],
    [() => new metric.MeanCosineSimilarity({ eps: -1 }), 'MeanCosineSimilarity: eps is -1'],
  ];
  for (const [make, part] of option) fails(make, 'option', part);
  const three = 3 as never;
  const value: readonly (readonly [() => unknown, string])[] = [
    [() => new metric.CompositeEvalMetric([three]), 'CompositeEvalMetric: 3 is no metric'],
    [() => new metric.CompositeEvalMetric(three), 'CompositeEvalMetric: the first argument'],
    [() => new metric.CompositeEvalMetric().add(three), 'CompositeEvalMetric.add: 3'],
    [() => metric.register('x', three), 'metric.register: 3 is not a function'],
    [() => new metric.MAE().updateDict(null as never, {}), 'mae.updateDict: null'],
    [() => new metric.CustomMetric(() => three).update(two, two), 'the function gave 3'],
  ];
  for (const [run, part] of value) fails(run, 'value', part);
  const odd = new metric.CustomMetric((y) => y);
  fails(() => odd.update(two, two), 'value', 'an array of one element');
});

test('functions of numbers: not while tracing, and their errors reach who asks', async () => {
  const host = metric.np(() => {
    throw new Error('mine');
  });
  const two = nd.ones([2]);
  const step = hybridize((y: nd.NDArray) => host.update(y, y));
  fails(() => step(two), 'trace', 'CustomMetric');
  host.update(two, two);
  try {
    await host.get();
  } catch (error) {
    if ((error as Error).message !== 'mine') throw error;
  }
  const text = metric.np(() => 'a' as never);
  text.update(two, two);
  await rejects(() => text.get(), 'value', 'the function gave "a"');
  const mae = new metric.MAE();
  let pending: Promise<unknown> | undefined;
  hybridize((y: nd.NDArray) => {
    pending = mae.get();
    return y;
  })(two);
  await rejects(() => pending!, 'trace', 'mae.get: values are not known while tracing');
});

test('scores may be booleans', async () => {
  const [labels, hits] = [
    nd.array([1, 0]),
    nd
      .array([
        [0, 1],
        [0, 1],
      ])
      .gt(0),
  ];
  for (const one of [new metric.Accuracy(), new metric.F1({ classType: 'multiclass' })]) {
    one.update(labels, hits);
    assert.is((await one.get())[1], 0.5, one.name);
  }
});

test.run();
