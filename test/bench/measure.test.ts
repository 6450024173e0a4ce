/**
 * The bench's turns: who works when, what a row says when somebody fails, and what is left of it.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { answering } from '../../bench/answers.ts';
import type { Host } from '../../bench/host.ts';
import { Contestant, measure } from '../../bench/measure.ts';
import type { Contender, Prepared, Row, Subject } from '../../bench/protocol.ts';
import { header, show } from '../../bench/report.ts';

const ADAPTER = { name: 'a painted card', software: true };
const EFFORT = { rounds: 3, seconds: 1, limitSeconds: 0.05 };

/** A host in this process, whose samples are as many milliseconds as its work says; `log` hears who works. */
const host = (name: string, subject: Subject, log: string[]): Host & { opened: number } => {
  const contender: Contender = { subject, adapter: ADAPTER };
  const self: Host & { opened: number } = {
    name,
    engine: 'node',
    threads: null,
    opened: 0,
    open: async () => {
      self.opened++;
      const ask = answering(contender, async ({ run }) => {
        log.push(name);
        return [Number(await run())];
      });
      const reply = await ask({ kind: 'list' });
      assert.is(reply.kind, 'offer');
      if (reply.kind !== 'offer') throw new Error('no offer');
      return { offer: reply.offer, ask, close: async () => {} };
    },
  };
  return self;
};

const work = (ms: number, check: number[] = [1, 2]): Prepared => ({ run: () => ms, check });
const rowsOf = async (hosts: readonly Host[], name: string): Promise<readonly Row[]> => {
  const contestants = await Promise.all(hosts.map((h) => Contestant.open(h, EFFORT.limitSeconds)));
  return measure(name, 'webgpu', contestants, EFFORT);
};

test('contenders take turns in every round; the figure is the median of all', async () => {
  const log: string[] = [];
  const times = [5, 1, 3];
  const own = host('tigon', { sum: { hybrid: () => ({ run: () => times.pop() }) } }, log);
  const other = host('peer', { sum: { imperative: () => work(7) } }, log);
  const rows = await rowsOf([own, other], 'sum');
  assert.equal(log, ['tigon', 'peer', 'tigon', 'peer', 'tigon', 'peer']);
  assert.equal(
    rows.map((r) => [r.subject, r.mode, r.medianMs, r.minMs, r.maxMs]),
    [
      ['tigon', 'hybrid', 3, 1, 5],
      ['peer', 'imperative', 7, 7, 7],
    ],
  );
  assert.equal(rows[0]!.adapter, ADAPTER);
});

test('a row is prepared once for each mode, however many rounds', async () => {
  let prepared = 0;
  const make = (): Prepared => {
    prepared++;
    return work(1);
  };
  await rowsOf([host('tigon', { sum: { hybrid: make, imperative: make } }, [])], 'sum');
  assert.is(prepared, 2);
});

test('numbers are held against ours', async () => {
  const own = host('tigon', { sum: { hybrid: () => work(1, [1, 4]) } }, []);
  const other = host('peer', { sum: { hybrid: () => work(1, [1, 5]) } }, []);
  const rows = await rowsOf([own, other], 'sum');
  assert.equal(
    rows.map((r) => r.relativeError),
    [0, 0.25],
  );
});

test('who throws is not asked again, starts anew, and its row says why', async () => {
  const fails = (): Prepared => {
    throw new Error("Kernel 'X' not registered\nat somewhere");
  };
  const log: string[] = [];
  const own = host('tigon', { sum: { hybrid: () => work(2) } }, log);
  const other = host('peer', { sum: { hybrid: fails, imperative: () => work(4) } }, log);
  const rows = await rowsOf([own, other], 'sum');
  const [, failed, worked] = rows;
  assert.is(failed!.failure, "Kernel 'X' not registered");
  assert.is(failed!.medianMs, null);
  assert.is(worked!.medianMs, 4);
  assert.is(other.opened, 2);
  assert.match(show(rows), /peer hybrid +failed: Kernel 'X' not registered/);
});

test('who does not answer in time has failed', async () => {
  const sleeps = { run: () => new Promise(() => {}) };
  const rows = await rowsOf([host('peer', { sum: { hybrid: () => sleeps } }, [])], 'sum');
  assert.match(rows[0]!.failure!, /^no answer to 'round' in 0\.05 s$/);
});

test('the table names the adapter, says when it is software, and compares with the best', async () => {
  const own = host('tigon', { sum: { hybrid: () => work(6) } }, []);
  const other = host('peer', { sum: { hybrid: () => work(4) } }, []);
  const contestant = await Contestant.open(own, 1);
  assert.match(header([contestant]), /node: a painted card \(software: read ratios/);
  const text = show(await rowsOf([own, other], 'sum'));
  assert.match(text, /tigon hybrid +6\.000 +1\.50x/);
  assert.match(text, /peer hybrid +4\.000 +1\.00x/);
});

test.run();
