import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { download, type RemoteFile } from '../../../src/frontend/gluon/data/fetch.ts';
import {
  DataLoader,
  drawDigits,
  FashionMNIST,
  MNIST,
  parseIdx,
  readIdx,
} from '../../../src/frontend/gluon/data/index.ts';
import { nd } from '../../../src/index.ts';
import { fails, rejects } from '../support.ts';

const folder = mkdtempSync(join(tmpdir(), 'tigon-mnist-'));
test.after(() => rmSync(folder, { recursive: true }));

const idx = (shape: readonly number[], data: readonly number[]): Uint8Array<ArrayBuffer> => {
  const sizes = shape.flatMap((d) => [d >>> 24, (d >>> 16) & 255, (d >>> 8) & 255, d & 255]);
  return Uint8Array.from([0, 0, 8, shape.length, ...sizes, ...data]);
};

/** Runs `body` with these environment variables; what is warned comes back. */
const within = async (
  variables: Record<string, string | undefined>,
  body: () => Promise<void>,
): Promise<string> => {
  const before = { ...process.env };
  const { write } = process.stderr;
  let warned = '';
  process.stderr.write = (text: string | Uint8Array): boolean => {
    warned += text;
    return true;
  };
  for (const [name, value] of Object.entries(variables))
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  try {
    await body();
  } finally {
    process.stderr.write = write;
    process.env = before;
  }
  return warned;
};

test('reads IDX: plain, gzip and brotli', async () => {
  const file = idx([2, 1, 2], [1, 2, 3, 255]);
  for (const [bytes, name] of [
    [file, 'x'],
    [new Uint8Array(gzipSync(file)), 'x.gz'],
    [new Uint8Array(gzipSync(file)), 'x'],
    [new Uint8Array(brotliCompressSync(file)), 'x.br'],
  ] as const) {
    const { shape, data } = await readIdx(bytes, name, 3);
    assert.equal(
      [shape, [...data]],
      [
        [2, 1, 2],
        [1, 2, 3, 255],
      ],
      name,
    );
  }
});

test('damaged IDX files are errors that name the file and the damage', async () => {
  const good = idx([2, 2], [1, 2, 3, 4]);
  const changed = (at: number, value: number): Uint8Array<ArrayBuffer> => {
    const copy = good.slice();
    copy[at] = value;
    return copy;
  };
  const cases: [Uint8Array<ArrayBuffer>, string][] = [
    [good.slice(0, 3), '3 bytes are too few for an IDX header'],
    [changed(0, 1), 'wrong magic number 0x01000802'],
    [changed(2, 13), 'elements of type float32, only unsigned bytes are read'],
    [changed(2, 99), 'elements of type 0x63'],
    [changed(3, 0), 'wrong magic number 2048: 0 axes'],
    [good.slice(0, 9), 'cut off inside the header (9 of 12 bytes)'],
    [good.slice(0, -1), 'cut off: [2, 2] needs 4 bytes, 3 are there'],
    [idx([2, 2], [1, 2, 3, 4, 5]), '1 bytes too many after [2, 2]'],
  ];
  for (const [bytes, rule] of cases)
    fails(() => parseIdx(bytes, 'some-file'), 'data', `some-file: ${rule}`, 'fetch the file again');
  fails(() => parseIdx(good, 'f', 3), 'data', 'f: wrong magic number 2050: 2 axes where 3');
  const cut = new Uint8Array(gzipSync(good)).slice(0, -5);
  await rejects(() => readIdx(cut, 'f.gz'), 'data', 'f.gz: not a whole gzip stream');
});

const TEST_FILES = ['t10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'] as const;
/** A folder with a test part of `count` images of 2 x 2. */
const small = (name: string, labels: readonly number[], images: readonly number[]): string => {
  const path = join(folder, name, 'mnist');
  mkdirSync(path, { recursive: true });
  writeFileSync(
    join(path, `${TEST_FILES[0]}.gz`),
    gzipSync(idx([images.length / 4, 2, 2], images)),
  );
  writeFileSync(join(path, TEST_FILES[1]), idx([labels.length], labels));
  return join(folder, name);
};

test('images from the folder TIGON_DATA: float32 from 0 to 1, labels int32', async () => {
  const root = small('good', [3, 9], [0, 51, 255, 0, 102, 0, 0, 1]);
  await within({ TIGON_DATA: root }, async () => {
    const data = await MNIST.test();
    assert.equal([data.length, data.source], [2, 'folder']);
    const [x, y] = [...new DataLoader(data, { batchSize: 2 })][0]!;
    assert.equal([x.shape, x.dtype], [[2, 1, 2, 2], 'float32']);
    assert.equal([y.shape, y.dtype, await y.array()], [[2], 'int32', [3, 9]]);
    const expected = [0, 51, 255, 0, 102, 0, 0, 1].map((v) => Math.fround(v / 255));
    assert.equal([...(await x.data())], expected);
    const [image, label] = data.get(1);
    assert.equal([image.shape, label.shape], [[1, 2, 2], []]);
    assert.equal([...(await image.data())], expected.slice(4));
  });
});

test('files that do not belong together or hold wrong labels are errors', async () => {
  const uneven = small('uneven', [1, 2, 3], [0, 0, 0, 0]);
  await rejects(
    () => MNIST.test({ root: join(uneven, 'mnist') }),
    'data',
    'MNIST: 1 images in t10k-images',
    '3 labels',
  );
  const wrong = small('wrong', [10], [0, 0, 0, 0]);
  await rejects(
    () => MNIST.test({ root: join(wrong, 'mnist') }),
    'data',
    'label 0 in t10k-labels-idx1-ubyte.gz is 10, the classes are 0 to 9',
  );
  const damaged = small('damaged', [1], [0, 0, 0, 0]);
  const path = join(damaged, 'mnist', `${TEST_FILES[0]}.gz`);
  writeFileSync(path, gzipSync(idx([1, 2, 2], [0, 0, 0, 0])).subarray(0, 20));
  await rejects(() => MNIST.test({ root: join(damaged, 'mnist') }), 'data', path, 'fetch it again');
  await rejects(() => MNIST.test({ rot: 'x' } as object), 'option', 'did you mean "root"?');
});

const content = Uint8Array.from({ length: 5000 }, (_, i) => i % 251);
const remote: RemoteFile = {
  name: 'file.gz',
  bytes: content.length,
  sha256: createHash('sha256').update(content).digest('hex'),
};
/** Answers by address: bytes in two parts, a status, or a failure. */
const network = (answers: Record<string, Uint8Array | number | Error>): typeof fetch =>
  (async (url: string) => {
    const answer = answers[url];
    if (answer === undefined || answer instanceof Error)
      throw new TypeError('fetch failed', { cause: answer ?? new Error('getaddrinfo ENOTFOUND') });
    if (typeof answer === 'number') return new Response(null, { status: answer });
    const body = new ReadableStream({
      start(controller): void {
        controller.enqueue(answer.subarray(0, 100));
        controller.enqueue(answer.subarray(100));
        controller.close();
      },
    });
    return new Response(body);
  }) as unknown as typeof fetch;

test('downloads from the first mirror that has the file whole, with progress', async () => {
  const received: number[] = [];
  const bytes = await download(remote, ['http://a/', 'http://b/', 'http://c/'], {
    fetch: network({
      'http://a/file.gz': 503,
      'http://b/file.gz': content.slice(1),
      'http://c/file.gz': content,
    }),
    onProgress: (p) => received.push(p.received),
  });
  assert.equal(bytes, content);
  assert.equal(received, [100, 4999, 100, 5000]);
});

test('when no mirror has it, the error says what each answered', async () => {
  await rejects(
    () =>
      download(remote, ['http://a/', 'http://b/', 'http://c/'], {
        fetch: network({ 'http://a/file.gz': 404, 'http://b/file.gz': content.slice(0, 10) }),
        onProgress: () => undefined,
      }),
    'data',
    'cannot download file.gz',
    'http://a/file.gz: HTTP 404',
    'http://b/file.gz: 10 bytes with sha256',
    'http://c/file.gz: fetch failed: getaddrinfo ENOTFOUND',
    'TIGON_DATA',
  );
});

test('what was downloaded wrongly is not kept', async () => {
  const cache = join(folder, 'cache');
  await within({ XDG_CACHE_HOME: cache, TIGON_DATA: undefined, TIGON_OFFLINE: undefined }, () =>
    rejects(
      () =>
        FashionMNIST.test({
          fetch: network({
            'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/t10k-images-idx3-ubyte.gz':
              content,
          }),
          onProgress: () => undefined,
        }),
      'data',
      'cannot download t10k-images-idx3-ubyte.gz',
    ),
  );
  assert.not.ok(existsSync(join(cache, 'tigon', 'fashion-mnist')));
});

test('a damaged file in the cache is reported and fetched again', async () => {
  const cache = join(folder, 'cache2');
  const path = join(cache, 'tigon', 'fashion-mnist');
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 't10k-images-idx3-ubyte.gz'), content);
  const warned = await within(
    { XDG_CACHE_HOME: cache, TIGON_DATA: undefined, TIGON_OFFLINE: '1' },
    () => rejects(() => FashionMNIST.test(), 'data', 'TIGON_OFFLINE forbids to download'),
  );
  assert.match(warned, 't10k-images-idx3-ubyte.gz is damaged; fetching it again');
  assert.equal(readdirSync(path), ['t10k-images-idx3-ubyte.gz']);
});

test('without files and network, digits are drawn, and a warning says so', async () => {
  const empty = join(folder, 'empty');
  const warned = await within(
    { XDG_CACHE_HOME: empty, TIGON_DATA: empty, TIGON_OFFLINE: '1' },
    async () => {
      const data = await MNIST.test();
      assert.equal([data.length, data.source], [10000, 'drawn']);
      assert.equal(data.get(0)[0].shape, [1, 28, 28]);
    },
  );
  assert.match(warned, 'WARNING: MNIST cannot be had; using digits drawn by rule');
  assert.match(warned, 'TIGON_OFFLINE');
});

test('drawn digits: the same for the same seed, every class, ink in the middle, classes told apart', () => {
  const count = 1500;
  const { images, labels } = drawDigits(count, 5);
  assert.equal(drawDigits(10, 5, 3).images, images.slice(3 * 784, 13 * 784));
  assert.not.equal(drawDigits(10, 6).images, images.slice(0, 7840));
  const means = Array.from({ length: 10 }, () => new Float64Array(784));
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 1000; i++) {
    counts[labels[i]!]!++;
    for (let k = 0; k < 784; k++) means[labels[i]!]![k]! += images[i * 784 + k]!;
  }
  assert.ok(Math.min(...counts) > 60, `${counts}`);
  for (let i = 0; i < count; i++) {
    const image = images.subarray(i * 784, (i + 1) * 784);
    const ink = image.reduce((n, v) => n + v, 0) / 255;
    assert.ok(ink > 20 && ink < 300, `image ${i} has ink ${ink}`);
    const border = image.filter((_, k) => k < 28 || k >= 756 || k % 28 === 0 || k % 28 === 27);
    assert.ok(border.reduce((n, v) => n + v, 0) < 0.2 * 255 * ink, `image ${i} touches the border`);
  }
  // The nearest class mean is right for most, but not for all: they are digits, not templates.
  let right = 0;
  for (let i = 1000; i < count; i++) {
    const distances = means.map((mean, c) => {
      let d = 0;
      for (let k = 0; k < 784; k++) d += (mean[k]! / counts[c]! - images[i * 784 + k]!) ** 2;
      return d;
    });
    if (distances.indexOf(Math.min(...distances)) === labels[i]) right++;
  }
  assert.ok(right > 300 && right < 495, `${right} of 500`);
});

const { TIGON_DATA } = process.env;
const real = TIGON_DATA !== undefined && existsSync(join(TIGON_DATA, 'mnist')) ? test : test.skip;

real('the real test images and the first labels', async () => {
  const data = await MNIST.test();
  assert.equal([data.length, data.source], [10000, 'folder']);
  const [x, y] = [...new DataLoader(data.take(10), { batchSize: 10 })][0]!;
  assert.equal(await y.array(), [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
  assert.is((await nd.max(x).data())[0], 1);
});

test.run();
