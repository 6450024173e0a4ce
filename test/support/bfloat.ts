/** Numbers around which rounding to bfloat16 changes: float32 values, NaN, infinities and signed zero among them. */
export const bfloatBorders = (): number[] => {
  const values: number[] = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0];
  const add = (x: number): void => {
    values.push(Math.fround(x), Math.fround(-x));
  };
  for (const e of [-149, -140, -134, -133, -130, -127, -126, -125, -20, -1, 0, 1, 60, 126, 127])
    for (const m of [0, 1, 2, 63, 64, 126, 127])
      for (const rest of [0, 2 ** -23, 2 ** -9, 2 ** -8 - 2 ** -23, 2 ** -8, 2 ** -8 + 2 ** -23])
        add(2 ** e * (1 + m / 128 + rest));
  while (values.length % 4 !== 0) values.push(1);
  return values;
};
