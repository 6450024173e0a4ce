/**
 * What is found once and looked up from then on.
 *
 * Invariant: nothing that is remembered is `undefined`.
 */

/** A map, weak or not. */
interface Memory<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): unknown;
}

/** What `memory` has for `key`, which is made where it has nothing. */
export const remember = <K, V>(memory: Memory<K, V>, key: K, make: (key: K) => V): V => {
  let value = memory.get(key);
  if (value === undefined) {
    value = make(key);
    memory.set(key, value);
  }
  return value;
};
