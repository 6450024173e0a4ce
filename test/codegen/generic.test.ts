import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  idxAdd,
  idxAxis,
  idxConst,
  idxDiv,
  idxMod,
  idxOffset,
  idxOpaque,
  idxScale,
} from '../../src/ir/dim.ts';
import { cast, constant, guard, indexValue, reduce, scalar } from '../../src/ir/loop/expr.ts';
import type { Expr } from '../../src/ir/loop/loop.ts';
import { printThread } from '../../src/ir/thread/print.ts';
import { at, buffer, check, kernel, nest, par, put, red } from './support.ts';

const f = (v: number): Expr => constant(v, 'float32');

test('maps of any size', () => {
  for (const n of [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 63, 1000, 3001]) {
    const [x, y, out] = [buffer('x', [n]), buffer('y', [n]), buffer('out', [n])];
    const i = par('i', n);
    check(
      kernel(
        `map${n}`,
        [x, y, out],
        nest([i], put(out, [i], scalar('mul', scalar('add', at(x, i), at(y, i)), f(3)))),
      ),
    );
  }
});

test('vectors of long functions are all read before any is written, in place too', () => {
  for (const n of [4, 7, 16, 35]) {
    const [x, out] = [buffer('x', [n]), buffer('out', [n])];
    const i = par('i', n);
    const long = put(x, [i], scalar('tanh', at(x, i)));
    const other = put(out, [i], scalar('exp', at(x, i)));
    const [thread] = check(kernel(`long${n}`, [x, out], nest([i], long, other)));
    if (n !== 35) continue;
    const lines = printThread(thread!).split('\n');
    const trip = lines.slice(lines.findIndex((line) => line.includes('step 16')) + 1);
    const reads = trip.flatMap((line, at) => (/= x\[.*: 4\]/.test(line) ? [at] : []));
    const writes = trip.flatMap((line, at) => (/^ *(x|out)\[.*: 4\] =/.test(line) ? [at] : []));
    assert.equal([reads.length, writes.length], [4, 8]);
    assert.ok(Math.max(...reads) < Math.min(...writes));
  }
});

test('contiguous axes become one, broadcast ones stay', () => {
  const [x, b, out] = [buffer('x', [3, 5, 7]), buffer('b', [7]), buffer('out', [3, 5, 7])];
  const axes = [par('i', 3), par('j', 5), par('k', 7)] as const;
  const [thread] = check(
    kernel('same', [x, out], nest(axes, put(out, axes, scalar('neg', at(x, ...axes))))),
  );
  assert.is(printThread(thread!).split('for ').length, 3, 'vectors and a tail');
  check(
    kernel(
      'bias',
      [x, b, out],
      nest(axes, put(out, axes, scalar('add', at(x, ...axes), at(b, axes[2])))),
    ),
  );
});

test('transposed and strided loads and stores', () => {
  const [x, out, back] = [buffer('x', [13, 9]), buffer('out', [9, 13]), buffer('back', [13, 9])];
  const [i, j] = [par('i', 9), par('j', 13)];
  check(kernel('transpose', [x, out], nest([i, j], put(out, [i, j], at(x, j, i)))));
  check(
    kernel(
      'both',
      [x, out, back],
      nest(
        [i, j],
        put(out, [i, j], at(x, j, i)),
        put(back, [i, j], at(x, j, i), [idxAxis(j), idxAxis(i)]),
      ),
    ),
  );
  const view = buffer('view', [9, 13], 'float32', [1, 9]);
  check(kernel('view', [view, out], nest([i, j], put(out, [i, j], at(view, i, j)))));
  const [flipped, every] = [buffer('flipped', [21]), buffer('every', [10])];
  const [a, c] = [par('a', 21), par('c', 10)];
  const source = buffer('source', [21]);
  check(
    kernel(
      'flip',
      [source, flipped],
      nest([a], put(flipped, [a], at(source, idxOffset(idxScale(idxAxis(a), -1), 20)))),
    ),
  );
  check(
    kernel(
      'every',
      [source, every],
      nest([c], put(every, [c], at(source, idxScale(idxAxis(c), 2)))),
    ),
  );
});

test('large transposes go by tiles', () => {
  for (const [m, n] of [
    [70, 67],
    [64, 80],
  ] as const) {
    const [x, y] = [buffer('x', [m, n]), buffer('y', [n, m])];
    const [out, back] = [buffer('out', [n, m]), buffer('back', [m, n])];
    const [i, j] = [par('i', n), par('j', m)];
    const sum = scalar('add', at(x, j, i), at(y, i, j));
    const [thread] = check(
      kernel(
        'cross',
        [x, y, out, back],
        nest([i, j], put(out, [i, j], sum), put(back, [i, j], sum, [idxAxis(j), idxAxis(i)])),
      ),
    );
    assert.match(thread!.notes.join(), /tiles/);
    assert.match(
      printThread(thread!),
      /shuffle\(/,
      'blocks of four by four are turned in registers',
    );
  }
  const [x, out] = [buffer('x', [3, 40, 37]), buffer('out', [3, 37, 40])];
  const [b, i, j] = [par('b', 3), par('i', 37), par('j', 40)];
  check(kernel('batched', [x, out], nest([b, i, j], put(out, [b, i, j], at(x, b, j, i)))));
});

test('padding reads nothing outside', () => {
  for (const [h, w] of [
    [5, 6],
    [3, 1],
    [8, 33],
  ] as const) {
    const [x, out] = [buffer('x', [h, w]), buffer('out', [h + 3, w + 5])];
    const [i, j] = [par('i', h + 3), par('j', w + 5)];
    const [r, c] = [idxOffset(idxAxis(i), -1), idxOffset(idxAxis(j), -2)];
    const inside = [
      { idx: r, lo: 0, hi: h },
      { idx: c, lo: 0, hi: w },
    ];
    check(
      kernel('pad', [x, out], nest([i, j], put(out, [i, j], guard(inside, at(x, r, c), f(-1))))),
    );
    check(
      kernel(
        'expensive',
        [x, out],
        nest([i, j], put(out, [i, j], guard(inside, scalar('exp', at(x, r, c)), f(-1)))),
      ),
    );
  }
});

test('concatenation and masks', () => {
  const [x, y, out] = [buffer('x', [4, 11]), buffer('y', [4, 6]), buffer('out', [4, 17])];
  const [i, j] = [par('i', 4), par('j', 17)];
  const second = idxOffset(idxAxis(j), -11);
  check(
    kernel(
      'concat',
      [x, y, out],
      nest(
        [i, j],
        put(
          out,
          [i, j],
          guard([{ idx: idxAxis(j), lo: 0, hi: 11 }], at(x, i, j), at(y, i, second)),
        ),
      ),
    ),
  );
  const [s, t] = [par('s', 9), par('t', 9)];
  const [m, masked] = [buffer('m', [9, 9]), buffer('masked', [9, 9])];
  const below = { idx: idxAdd(idxAxis(s), idxScale(idxAxis(t), -1)), lo: 0, hi: 9 };
  check(
    kernel(
      'mask',
      [m, masked],
      nest([s, t], put(masked, [s, t], guard([below], at(m, s, t), f(-9)))),
    ),
  );
});

test('rows inside a concatenation: values of an axis bound again inside stay apart', () => {
  const [x, y, out] = [buffer('x', [6, 6]), buffer('y', [6, 6]), buffer('out', [18, 6])];
  const [i, j, k] = [par('i', 18), par('j', 6), red('k', 6)];
  const part = (p: number) => idxOffset(idxAxis(i), -6 * p);
  const exp = (column: typeof j): Expr => scalar('exp', at(x, part(0), column));
  const softmax = scalar('div', exp(j), reduce('add', [k], exp(k)));
  const below = (n: number) => [{ idx: idxAxis(i), lo: 0, hi: n }];
  const value = guard(below(6), softmax, guard(below(12), at(y, part(1), j), at(x, part(2), j)));
  check(kernel('rows', [x, y, out], nest([i, j], put(out, [i, j], value))));
});

test('divided indices: repeat, tile, reshape of a view', () => {
  const [x, out] = [buffer('x', [6, 5]), buffer('out', [12, 15])];
  const [i, j] = [par('i', 12), par('j', 15)];
  check(
    kernel(
      'repeat',
      [x, out],
      nest([i, j], put(out, [i, j], at(x, idxDiv(idxAxis(i), 2), idxMod(idxAxis(j), 5)))),
    ),
  );
  const [v, flat] = [buffer('v', [7, 6]), buffer('flat', [42])];
  const p = par('p', 42);
  check(
    kernel(
      'reshape',
      [v, flat],
      nest([p], put(flat, [p], at(v, idxMod(idxAxis(p), 7), idxDiv(idxAxis(p), 7)))),
    ),
  );
});

const softmax = (rows: number, cols: number): void => {
  const [x, out] = [buffer('x', [rows, cols]), buffer('out', [rows, cols])];
  const [i, j, k] = [par('i', rows), par('j', cols), red('k', cols)];
  const most = reduce('max', [k], at(x, i, k));
  const total = reduce('add', [k], scalar('exp', scalar('sub', at(x, i, k), most)));
  const value = scalar('div', scalar('exp', scalar('sub', at(x, i, j), most)), total);
  check(kernel(`softmax${cols}`, [x, out], nest([i, j], put(out, [i, j], value))));
};
test('softmax, one exponential for each element', () => {
  for (const cols of [1, 3, 10, 16, 37, 300]) softmax(5, cols);
  const [x, out] = [buffer('x', [2, 64]), buffer('out', [2, 64])];
  const [i, j, k] = [par('i', 2), par('j', 64), red('k', 64)];
  const most = reduce('max', [k], at(x, i, k));
  const e = scalar('exp', scalar('sub', at(x, i, k), most));
  const own = scalar('exp', scalar('sub', at(x, i, j), most));
  const [thread] = check(
    kernel(
      'once',
      [x, out],
      nest([i, j], put(out, [i, j], scalar('div', own, reduce('add', [k], e)))),
    ),
  );
  const loops = printThread(thread!)
    .split(/for /)
    .filter((part) => /exp\(/.test(part));
  assert.is(loops.length, 1, printThread(thread!));
  assert.match(loops[0]!, /exp\(min\(/, 'what is below the maximum has a cheaper exponential');
});

test('softmax over channels: rows across the vector', () => {
  const [x, out] = [buffer('x', [2, 5, 11]), buffer('out', [2, 5, 11])];
  const [n, c, s, k] = [par('n', 2), par('c', 5), par('s', 11), red('k', 5)];
  const most = reduce('max', [k], at(x, n, k, s));
  const total = reduce('add', [k], scalar('exp', scalar('sub', at(x, n, k, s), most)));
  const value = scalar('div', scalar('exp', scalar('sub', at(x, n, c, s), most)), total);
  check(kernel('channels', [x, out], nest([n, c, s], put(out, [n, c, s], value))));
});

test('layer norm with statistics stored for each row', () => {
  for (const cols of [6, 40, 129]) {
    const rows = 7;
    const [x, g, b] = [buffer('x', [rows, cols]), buffer('g', [cols]), buffer('b', [cols])];
    const [out, mu, rs] = [buffer('out', [rows, cols]), buffer('mu', [rows]), buffer('rs', [rows])];
    const [i, j, k] = [par('i', rows), par('j', cols), red('k', cols)];
    const mean = scalar('div', reduce('add', [k], at(x, i, k)), f(cols));
    const d = scalar('sub', at(x, i, k), mean);
    const variance = scalar('div', reduce('add', [k], scalar('mul', d, d)), f(cols));
    const rstd = scalar('rsqrt', scalar('add', variance, f(1e-5)));
    const y = scalar('mul', scalar('sub', at(x, i, j), mean), rstd);
    check(
      kernel(
        'layernorm',
        [x, g, b, mu, rs, out],
        nest(
          [i, j],
          put(mu, [i], mean),
          put(rs, [i], rstd),
          put(out, [i, j], scalar('add', scalar('mul', y, at(g, j)), at(b, j))),
        ),
      ),
      { tolerance: 1e-5 },
    );
  }
});

test('reductions over rows, columns, everything, windows', () => {
  for (const [m, n] of [
    [1, 1],
    [5, 3],
    [3, 70],
    [40, 9],
    [37, 66],
    [70, 5],
    [3, 1100],
  ] as const) {
    const x = buffer('x', [m, n]);
    const [rows, cols, all] = [buffer('rows', [m]), buffer('cols', [n]), buffer('all', [])];
    const [i, j, r, c] = [par('i', m), par('j', n), red('r', m), red('c', n)];
    for (const op of ['add', 'max', 'min', 'mul'] as const) {
      const data =
        op === 'mul'
          ? new Map([[x, Float64Array.from({ length: m * n }, (_, q) => 1 + (q % 3) / 1000)]])
          : undefined;
      const options = { tolerance: 1e-4, ...(data ? { data } : {}) };
      check(
        kernel(`rows_${op}`, [x, rows], nest([i], put(rows, [i], reduce(op, [c], at(x, i, c))))),
        options,
      );
      check(
        kernel(`cols_${op}`, [x, cols], nest([j], put(cols, [j], reduce(op, [r], at(x, r, j))))),
        options,
      );
      check(
        kernel(`all_${op}`, [x, all], nest([], put(all, [], reduce(op, [r, c], at(x, r, c))))),
        options,
      );
    }
  }
  const [img, pooled] = [buffer('img', [3, 10, 13]), buffer('pooled', [3, 5, 7])];
  const [ch, y, xx] = [par('ch', 3), par('y', 5), par('x', 7)];
  const [ky, kx] = [red('ky', 3), red('kx', 3)];
  const row = idxOffset(idxAdd(idxScale(idxAxis(y), 2), idxAxis(ky)), -1);
  const col = idxOffset(idxAdd(idxScale(idxAxis(xx), 2), idxAxis(kx)), -1);
  const window = reduce(
    'max',
    [ky, kx],
    guard(
      [
        { idx: row, lo: 0, hi: 10 },
        { idx: col, lo: 0, hi: 13 },
      ],
      at(img, ch, row, col),
      f(Number.NEGATIVE_INFINITY),
    ),
  );
  check(kernel('pool', [img, pooled], nest([ch, y, xx], put(pooled, [ch, y, xx], window))));
});

test('long sums of positive numbers stay accurate', () => {
  const positive = (size: number): Float64Array =>
    Float64Array.from({ length: size }, (_, p) => Math.fround(((p * 37) % 101) / 100 + 0.1));
  const [x, rows] = [buffer('x', [16, 9001]), buffer('rows', [16])];
  const [i, k] = [par('i', 16), red('k', 9001)];
  check(kernel('blocks', [x, rows], nest([i], put(rows, [i], reduce('add', [k], at(x, i, k))))), {
    data: new Map([[x, positive(16 * 9001)]]),
    tolerance: 5e-7,
  });
  for (const [outer, inner] of [
    [900, 40],
    [40, 900],
    [9000, 6],
  ] as const) {
    const [y, sums] = [buffer('y', [outer, 3, inner]), buffer('sums', [3])];
    const [c, a, b] = [par('c', 3), red('a', outer), red('b', inner)];
    check(
      kernel(
        'channels',
        [y, sums],
        nest([c], put(sums, [c], reduce('add', [a, b], at(y, a, c, b)))),
      ),
      { data: new Map([[y, positive(outer * 3 * inner)]]), tolerance: 1e-6 },
    );
  }
});

test('positions of extremes: first of equals, NaN first of all', () => {
  const n = 53;
  const [x, most, least] = [
    buffer('x', [4, n]),
    buffer('most', [4], 'int32'),
    buffer('least', [4], 'int32'),
  ];
  const [i, k] = [par('i', 4), red('k', n)];
  const values = Float64Array.from({ length: 4 * n }, (_, p) => ((p * 7) % 11) - 5);
  values.fill(3, n, 2 * n);
  values[2 * n + 40] = Number.NaN;
  values[2 * n + 44] = Number.NaN;
  values.fill(Number.NEGATIVE_INFINITY, 3 * n);
  check(
    kernel(
      'arg',
      [x, most, least],
      nest(
        [i],
        put(most, [i], reduce('argmax', [k], at(x, i, k))),
        put(least, [i], reduce('argmin', [k], at(x, i, k))),
      ),
    ),
    { data: new Map([[x, values]]) },
  );
  const [z, cols, whole] = [
    buffer('z', [9, 21]),
    buffer('cols', [21], 'int32'),
    buffer('whole', [], 'int32'),
  ];
  const [j, r, c] = [par('j', 21), red('r', 9), red('c', 21)];
  check(
    kernel('argcols', [z, cols], nest([j], put(cols, [j], reduce('argmax', [r], at(z, r, j))))),
  );
  check(
    kernel('argall', [z, whole], nest([], put(whole, [], reduce('argmin', [r, c], at(z, r, c))))),
  );
});

test('products summed: vector by matrix, both ways', () => {
  for (const [k, n] of [
    [1, 1],
    [17, 6],
    [64, 40],
    [130, 33],
  ] as const) {
    const [a, w, v, out] = [
      buffer('a', [k]),
      buffer('w', [n, k]),
      buffer('v', [k, n]),
      buffer('out', [n]),
    ];
    const [j, q] = [par('j', n), red('q', k)];
    const options = { tolerance: 2e-5 };
    check(
      kernel(
        'nk',
        [a, w, out],
        nest([j], put(out, [j], reduce('add', [q], scalar('mul', at(a, q), at(w, j, q))))),
      ),
      options,
    );
    check(
      kernel(
        'kn',
        [a, v, out],
        nest([j], put(out, [j], reduce('add', [q], scalar('mul', at(a, q), at(v, q, j))))),
      ),
      options,
    );
  }
});

test('axes that all indices divide alike become two: vectors run along the inner one', () => {
  const [b, h, t, d] = [3, 4, 20, 36];
  const [x, y] = [buffer('x', [b, h, t, d]), buffer('y', [h * d])];
  const [sums, out] = [buffer('sums', [h * d]), buffer('out', [b * t, h * d])];
  const [i, n, k, q] = [par('i', h * d), par('n', b * t), red('k', b), red('q', t)];
  const [head, unit] = [idxDiv(idxAxis(i), d), idxMod(idxAxis(i), d)];
  const [image, time] = [idxDiv(idxAxis(n), t), idxMod(idxAxis(n), t)];
  const total = reduce('add', [k, q], at(x, idxAxis(k), head, idxAxis(q), unit));
  const value = scalar('add', at(x, image, head, time, unit), at(y, i));
  const [first] = check(kernel('sums', [x, sums], nest([i], put(sums, [i], total))));
  assert.match(first!.notes.join(), /columns/);
  const [second] = check(kernel('heads', [x, y, out], nest([n, i], put(out, [n, i], value))));
  assert.match(second!.notes.join(), /four lanes along i/);
  assert.not.match(printThread(second!), /vec4/);
});

test('nested reductions that depend on each other', () => {
  const [x, out] = [buffer('x', [6, 8, 10]), buffer('out', [6])];
  const [i, r, c] = [par('i', 6), red('r', 8), red('c', 10)];
  const inner = reduce('max', [c], at(x, i, r, c));
  const total = reduce('add', [r], scalar('mul', inner, inner));
  check(kernel('nested', [x, out], nest([i], put(out, [i], total))));
  const square = buffer('square', [9, 9]);
  const pair = buffer('pair', [9]);
  const [p, s, t] = [par('p', 9), red('s', 9), red('t', 9)];
  const each = reduce('add', [t], scalar('mul', at(square, p, t), at(square, s, t)));
  check(kernel('gram', [square, pair], nest([p], put(pair, [p], reduce('max', [s], each)))));
});

test('gathers', () => {
  const [table, ids, out] = [
    buffer('table', [12, 9]),
    buffer('ids', [5], 'int32'),
    buffer('out', [5, 9]),
  ];
  const [i, j] = [par('i', 5), par('j', 9)];
  const clamped = scalar(
    'min',
    scalar('max', at(ids, i), constant(0, 'int32')),
    constant(11, 'int32'),
  );
  check(
    kernel(
      'take',
      [table, ids, out],
      nest([i, j], put(out, [i, j], at(table, idxOpaque(clamped, 0, 11), j))),
    ),
  );
  const [along, picked] = [buffer('along', [5, 9], 'int32'), buffer('picked', [5, 9])];
  const wide = buffer('wide', [5, 9]);
  const index = idxOpaque(at(along, i, j), 0, 8);
  check(
    kernel('along', [wide, along, picked], nest([i, j], put(picked, [i, j], at(wide, i, index)))),
  );
});

test('scattered sums', () => {
  const [dy, ids, out] = [
    buffer('dy', [20, 9]),
    buffer('ids', [20], 'int32'),
    buffer('out', [7, 9]),
  ];
  const [d, n] = [par('d', 9), red('n', 20)];
  const to = idxOpaque(at(ids, n), 0, 6);
  const add = { buffer: out, axes: [d], over: [n], mode: 'add' as const };
  check(
    kernel(
      'rows',
      [dy, ids, out],
      nest([d], { ...add, index: [to, idxAxis(d)], value: at(dy, n, d) }),
    ),
  );
  const [picked, at2, spread] = [
    buffer('picked', [6, 5]),
    buffer('at', [6, 5], 'int32'),
    buffer('spread', [6, 7]),
  ];
  const [r, c] = [par('r', 6), red('c', 5)];
  const index = [idxAxis(r), idxOpaque(at(at2, r, c), 0, 6)];
  check(
    kernel(
      'along',
      [picked, at2, spread],
      nest([r], {
        buffer: spread,
        axes: [r],
        over: [c],
        mode: 'add',
        index,
        value: at(picked, r, c),
      }),
    ),
  );
  const [flat, where, bins] = [
    buffer('flat', [30]),
    buffer('where', [30], 'int32'),
    buffer('bins', [7]),
  ];
  const m = red('m', 30);
  check(
    kernel(
      'bins',
      [flat, where, bins],
      nest([], {
        buffer: bins,
        axes: [],
        over: [m],
        mode: 'add',
        index: [idxOpaque(at(where, m), 0, 6)],
        value: at(flat, m),
      }),
    ),
  );
});

test('storage types: bool, uint8, int32, uint32, float16, bfloat16', () => {
  const n = 39;
  const i = par('i', n);
  const [h, v, u, b, q, s] = [
    buffer('h', [n], 'float16'),
    buffer('v', [n], 'bfloat16'),
    buffer('u', [n], 'uint8'),
    buffer('b', [n], 'bool'),
    buffer('q', [n], 'int32'),
    buffer('s', [n], 'float32'),
  ];
  const half = buffer('half', [n], 'float16');
  const upper = buffer('upper', [n], 'bfloat16');
  const [bytes, flags, ints, words] = [
    buffer('bytes', [n], 'uint8'),
    buffer('flags', [n], 'bool'),
    buffer('ints', [n], 'int32'),
    buffer('words', [n], 'uint32'),
  ];
  const byte = constant(250, 'uint8');
  check(
    kernel(
      'types',
      [h, v, u, b, q, s, half, upper, bytes, flags, ints, words],
      nest(
        [i],
        put(half, [i], scalar('mul', at(h, i), at(h, i))),
        put(upper, [i], scalar('mul', at(v, i), cast(at(s, i), 'bfloat16'))),
        put(bytes, [i], scalar('add', at(u, i), byte)),
        put(flags, [i], scalar('and', at(b, i), scalar('gt', at(s, i), f(0)))),
        put(
          ints,
          [i],
          scalar('sub', scalar('mul', at(q, i), indexValue(idxAxis(i))), cast(at(u, i), 'int32')),
        ),
        put(words, [i], scalar('xor', cast(at(q, i), 'uint32'), constant(2863311530, 'uint32'))),
      ),
    ),
  );
  const [sum, any, top] = [
    buffer('sum', [], 'uint8'),
    buffer('any', [], 'bool'),
    buffer('top', [], 'int32'),
  ];
  const k = red('k', n);
  check(
    kernel(
      'folds',
      [u, b, q, sum, any, top],
      nest(
        [],
        put(sum, [], reduce('add', [k], scalar('add', at(u, k), byte))),
        put(any, [], reduce('max', [k], at(b, k))),
        put(top, [], reduce('max', [k], scalar('neg', at(q, k)))),
      ),
    ),
  );
  const random = buffer('random', [n], 'uint32');
  const word = (v: number): Expr => constant(v, 'uint32');
  const counter = cast(indexValue(idxAxis(i)), 'uint32');
  check(
    kernel(
      'threefry',
      [random],
      nest([i], put(random, [i], scalar('threefry', word(7), word(9), counter, word(0)))),
    ),
  );
});

test('states are updated in place, several outputs at once', () => {
  const n = 45;
  const [p, m, g, rate] = [
    buffer('p', [n]),
    buffer('m', [n]),
    buffer('g', [n]),
    buffer('rate', []),
  ];
  const i = par('i', n);
  const next = scalar('add', scalar('mul', at(m, i), f(0.9)), at(g, i));
  check(
    kernel(
      'sgd',
      [g, rate, p, m],
      nest(
        [i],
        put(p, [i], scalar('sub', at(p, i), scalar('mul', next, at(rate)))),
        put(m, [i], next),
      ),
    ),
  );
});

test('nests side by side share one grid', () => {
  const buffers = Array.from(
    { length: 7 },
    (_, q) => [buffer(`x${q}`, [100 * q + 3]), buffer(`y${q}`, [100 * q + 3])] as const,
  );
  const nests = buffers.map(([x, y]) => {
    const i = par('i', x.shape[0]!);
    const [k] = [red('k', x.shape[0]!)];
    return nest(
      [i],
      put(
        y,
        [i],
        scalar('sub', scalar('exp', at(x, i)), reduce('add', [k], scalar('exp', at(x, k)))),
      ),
    );
  });
  const [thread] = check(kernel('many', buffers.flat(), ...nests), { tolerance: 1e-5 });
  assert.ok(thread!.grid >= 7);
});

test('large nests are shared out', () => {
  const [x, out] = [buffer('x', [50, 300]), buffer('out', [50, 300])];
  const [b] = [buffer('b', [300])];
  const [i, j] = [par('i', 50), par('j', 300)];
  const value = scalar('exp', scalar('tanh', scalar('mul', at(x, i, j), at(b, j))));
  const [thread] = check(kernel('wide', [x, b, out], nest([i, j], put(out, [i, j], value))));
  assert.ok(thread!.grid > 1);
});

test('a constant and an index', () => {
  const [c, k] = [buffer('c', [6, 5]), buffer('k', [6, 5], 'int32')];
  const [i, j] = [par('i', 6), par('j', 5)];
  check(
    kernel(
      'fill',
      [c, k],
      nest(
        [i, j],
        put(c, [i, j], f(7)),
        put(k, [i, j], indexValue(idxAdd(idxScale(idxAxis(i), 3), idxOffset(idxAxis(j), 2)))),
      ),
    ),
  );
  const one = buffer('one', [1]);
  check(kernel('one', [one], nest([], put(one, [], f(2), [idxConst(0)]))));
});

test.run();
