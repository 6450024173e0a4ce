import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as loss from '../../../src/frontend/gluon/loss.ts';
import { nd } from '../../../src/index.ts';
import { fails } from '../support.ts';

test('labels of another kind are refused, with what to do', () => {
  const pred = nd.ones([2, 2]);
  const zero = nd.zeros([2, 2]);
  fails(
    () => new loss.HingeLoss()(pred, zero),
    'value',
    'label 0 at [0, 0]',
    'label.mul(2).sub(1)',
  );
  fails(() => new loss.SquaredHingeLoss()(pred, zero), 'value', 'SquaredHingeLoss: label 0');
  fails(() => new loss.LogisticLoss()(pred, zero), 'value', 'LogisticLoss: label 0');
  const binary = new loss.LogisticLoss({ labelFormat: 'binary' });
  fails(() => binary(pred, pred.mul(-1)), 'value', 'LogisticLoss: label -1', 'from 0 to 1');
  const ctc = new loss.CTCLoss();
  const scores = nd.ones([1, 4, 3]);
  fails(() => ctc(scores, nd.array([[2]])), 'value', 'none of 2 classes and a blank', '0 to 1');
  fails(() => ctc(scores, nd.array([[0.5]])), 'value', 'label 0.5 at [0, 0]');
  const label = nd.array([[0, 1]]);
  fails(() => ctc(scores, label, nd.array([9])), 'value', 'predLengths 9 at [0]', '0 to 4');
  fails(() => ctc(scores, label, undefined, nd.array([3])), 'value', 'labelLengths 3', '0 to 2');
  assert.is(ctc(scores.astype('float64'), label).dtype, 'float64');
});

test('shapes and options that do not fit', () => {
  fails(() => new loss.SDMLLoss()(nd.ones([1, 3]), nd.ones([1, 3])), 'shape', 'two samples');
  const pair = nd.ones([2]);
  const classes = new loss.SoftmaxCELoss({ axis: 0 });
  fails(() => classes(nd.ones([2, 2]), pair), 'shape', 'axis 0 of f32[2, 2] cannot be both');
  const wide = nd.ones([2, 2]);
  const cosine = new loss.CosineEmbeddingLoss({ batchAxis: 1 });
  fails(() => cosine(wide, wide, pair), 'shape', 'axis 1 of f32[2, 2] cannot be both');
  const ctc = new loss.CTCLoss();
  fails(
    () => ctc(nd.ones([2, 4, 3]), nd.ones([3, 1])),
    'shape',
    'do not fit labels f32[3, 1] (NT)',
  );
  fails(() => ctc(nd.ones([4, 3]), nd.ones([3, 1])), 'shape', '[batch, time, classes]');
  fails(
    () => ctc(nd.ones([2, 4, 3]), nd.ones([2, 1]), nd.ones([3])),
    'shape',
    'predLengths f32[3] must have shape [2]',
  );
  const wrong: readonly (readonly [() => unknown, string])[] = [
    [() => new loss.HuberLoss({ rho: 0 }), 'HuberLoss: rho is 0'],
    [() => new loss.HingeLoss({ margins: 1 } as never), 'did you mean "margin"?'],
    [() => new loss.LogisticLoss({ labelFormat: 'sign' as never }), 'labelFormat is "sign"'],
    [() => new loss.CTCLoss({ layout: 'NCT' as never }), 'layout is "NCT"'],
    [() => new loss.SDMLLoss({ batchAxis: 1 }), 'SDMLLoss: batchAxis is 1'],
    [() => new loss.SDMLLoss({ smoothingParameter: 2 }), 'SDMLLoss: smoothingParameter is 2'],
    [() => new loss.CTCLoss({ batchAxis: 1 } as never), 'CTCLoss: unknown option "batchAxis"'],
    [() => new loss.TripletLoss({ margin: '1' as never }), 'TripletLoss: margin is "1"'],
  ];
  for (const [make, part] of wrong) fails(make, 'option', part);
});

test.run();
