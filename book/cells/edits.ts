/**
 * Changes to a text by position, applied together at the end.
 *
 * Invariant: positions are those of the text before all changes, so that the order in which a tree is walked does not
 * matter but for what is inserted at one place: what closes an inner node stands before what closes an outer one, which
 * stands before what opens outer and then inner ones (a walk from the leaves to the root).
 */
export interface Edits {
  /** Before what is at `at`, and before what was put there so far: an outer node opens before an inner one. */
  open(at: number, text: string): void;
  /** After what ends at `at`, and after what was put there so far. */
  close(at: number, text: string): void;
  /** Instead of `start` to `end`. */
  replace(start: number, end: number, text: string): void;
  /** The text with all changes. */
  apply(): string;
}

interface Replacement {
  readonly end: number;
  readonly text: string;
}

export const editsOf = (source: string): Edits => {
  const opens = new Map<number, string>();
  const closes = new Map<number, string>();
  const replacements = new Map<number, Replacement>();
  return {
    open(at, text) {
      opens.set(at, text + (opens.get(at) ?? ''));
    },
    close(at, text) {
      closes.set(at, (closes.get(at) ?? '') + text);
    },
    replace(start, end, text) {
      replacements.set(start, { end, text });
    },
    apply() {
      const places = [...opens.keys(), ...closes.keys(), ...replacements.keys()];
      let result = '';
      let from = 0;
      for (const at of [...new Set(places)].sort((a, b) => a - b)) {
        result += source.slice(from, at) + (closes.get(at) ?? '') + (opens.get(at) ?? '');
        const replacement = replacements.get(at);
        result += replacement?.text ?? '';
        from = Math.max(at, replacement?.end ?? at);
      }
      return result + source.slice(from);
    },
  };
};
