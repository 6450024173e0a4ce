/**
 * Named results of a run, which texts and tables quote.
 *
 * Invariant: a value is a number or a text; the last one under a name counts.
 */
import { failure } from '../callsite.ts';
import { checkFunction, shown } from '../options.ts';

/** Takes what is recorded. */
export type RecordSink = (name: string, value: number | string) => void;

let sink: RecordSink | undefined;

/**
 * Records a number or a text under a name. Where nothing takes it ({@link onRecord}) it is printed. Values of arrays are
 * read first: `record('loss', await loss.item())`.
 *
 * @throws {ValueError} for other values, and for a name that is no text
 *
 * @example record('test accuracy', 0.87);
 */
export const record = (name: string, value: number | string): void => {
  if (typeof name !== 'string' || name === '')
    throw failure('value', `record: the name is ${shown(name)}`, "write record('name', value)");
  if (typeof value !== 'number' && typeof value !== 'string')
    throw failure(
      'value',
      `record: "${name}" is ${shown(value)}, neither a number nor a text`,
      'read arrays first: await x.item()',
    );
  if (sink === undefined) console.log(`${name} = ${value}`);
  else sink(name, value);
};

/** Records a figure of a table that is shown, too: it is not printed a second time. */
export const report = (name: string, value: number): void => sink?.(name, value);

/**
 * Has `to` take all that is recorded from now on. Gives a function that puts back what was there before.
 *
 * @throws {ValueError} unless `to` is a function
 *
 * @example
 * const values = new Map<string, number | string>();
 * const restore = onRecord((name, value) => values.set(name, value));
 * record('seconds', 1.5);
 * restore();
 * values.get('seconds');   // 1.5
 */
export const onRecord = (to: RecordSink): (() => void) => {
  checkFunction('onRecord', to, 'pass a function of a name and a value');
  const before = sink;
  sink = to;
  return () => {
    sink = before;
  };
};
