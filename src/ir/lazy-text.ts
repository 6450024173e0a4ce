/**
 * Texts that are rarely read: what a rule says when it is broken.
 *
 * Invariant: nothing is put together until somebody reads it; verifiers check many rules, and few are broken.
 */

/** A text, or how it is made. */
export type LazyText = string | (() => string);

export const textOf = (text: LazyText): string => (typeof text === 'string' ? text : text());
