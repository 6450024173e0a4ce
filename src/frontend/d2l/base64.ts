/**
 * Bytes as text and back.
 *
 * Invariant: works where there is neither `Buffer` nor `Uint8Array.fromBase64`.
 */

/** Arguments of one call: engines have a limit. */
const AT_ONCE = 8192;

export const toBase64 = (bytes: Uint8Array): string => {
  let text = '';
  for (let at = 0; at < bytes.length; at += AT_ONCE)
    text += String.fromCharCode(...bytes.subarray(at, at + AT_ONCE));
  return btoa(text);
};

export const fromBase64 = (text: string): Uint8Array =>
  Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
