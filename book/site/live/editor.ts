/**
 * The editor of a cell, which takes the place of its printed code.
 *
 * Invariant: loaded when a cell is touched for the first time; Tab leaves it after Escape, so that the keyboard is never
 * caught in it.
 */

import { indentWithTab } from '@codemirror/commands';
import { javascript } from '@codemirror/lang-javascript';
import { Prec } from '@codemirror/state';
import { oneDark } from '@codemirror/theme-one-dark';
import { keymap } from '@codemirror/view';
import { basicSetup, EditorView } from 'codemirror';

export interface Editor {
  text(): string;
  focus(): void;
  destroy(): void;
}

export interface EditorOptions {
  readonly label: string;
  /** Where to begin to write, in letters from the start. */
  readonly caret: number;
  changed(): void;
  /** Ctrl+Enter, Shift+Enter. */
  run(): void;
  /** Escape. */
  leave(): void;
}

const always = (action: () => void) => (): boolean => {
  action();
  return true;
};

export const createEditor = (host: HTMLElement, text: string, options: EditorOptions): Editor => {
  const dark = document.documentElement.classList.contains('dark');
  const run = always(options.run);
  const view = new EditorView({
    doc: text,
    selection: { anchor: Math.min(options.caret, text.length) },
    parent: host,
    extensions: [
      Prec.highest(
        keymap.of([
          { key: 'Mod-Enter', run },
          { key: 'Shift-Enter', run },
          { key: 'Escape', run: always(options.leave) },
        ]),
      ),
      keymap.of([indentWithTab]),
      basicSetup,
      EditorView.lineWrapping,
      javascript({ typescript: true }),
      EditorView.contentAttributes.of({ 'aria-label': options.label }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) options.changed();
      }),
      ...(dark ? [oneDark] : []),
    ],
  });
  return {
    text: () => view.state.doc.toString(),
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
};
