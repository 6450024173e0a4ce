/**
 * One cell of a lesson: its code, which becomes an editor when it is touched, a bar of buttons, and what it has shown.
 *
 * Invariants: before the reader runs it, the page shows what the lesson's last recorded run showed, and says so; the text
 * that runs is the text that stands there.
 */
import {
  computed,
  defineComponent,
  h,
  inject,
  onBeforeUnmount,
  onMounted,
  type PropType,
  type Ref,
  ref,
  shallowRef,
  watch,
} from 'vue';
import type { Cell, Role } from '../../format/lesson.ts';
import { draftOf, keepDraft } from '../live/drafts.ts';
import type { Editor } from '../live/editor.ts';
import type { LiveCell } from '../live/session.ts';
import { OutputList } from './output.ts';
import { sessionKey } from './session-key.ts';

const SAID: Readonly<Record<LiveCell['status'], string>> = {
  fresh: '',
  queued: 'waiting',
  running: 'running …',
  done: 'done',
  failed: 'failed',
  stale: 'changed since it ran',
  blocked: 'not run',
  stopped: 'stopped',
};

const seconds = (ms: number): string =>
  ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;

/** What a quick run has changed. */
const quickly = (cell: LiveCell): string => {
  const changes = Object.entries(cell.quickly).map(([name, value]) => `${name} = ${value}`);
  return changes.length === 0 ? '' : `, with ${changes.join(', ')}`;
};

const TITLES: Readonly<Record<string, string>> = {
  hidden: 'Set-up that this lesson needs',
  test: 'How this lesson is checked',
};

/** For how many seconds something has been so. */
const useElapsed = (isSo: () => boolean): Readonly<Ref<number>> => {
  const elapsed = ref(0);
  let timer: ReturnType<typeof setInterval> | undefined;
  watch(isSo, (now) => {
    clearInterval(timer);
    const start = performance.now();
    elapsed.value = 0;
    if (now)
      timer = setInterval(() => {
        elapsed.value = Math.round((performance.now() - start) / 1000);
      }, 1000);
  });
  onBeforeUnmount(() => clearInterval(timer));
  return elapsed;
};

export const LessonCell = defineComponent({
  props: {
    id: { type: String, required: true },
    role: { type: String as PropType<Role>, required: true },
    throws: Boolean,
    recorded: Boolean,
    /** Values of constants in quick runs, as JSON. */
    quick: { type: String, default: '{}' },
    needs: String as PropType<NonNullable<Cell['needs']>>,
  },
  setup(props, { slots }) {
    const session = inject(sessionKey)!;
    const code = ref<HTMLElement>();
    const host = ref<HTMLElement>();
    const editor = shallowRef<Editor>();
    const ready = ref(false);
    let original = '';
    const cell = session.add({
      id: props.id,
      role: props.role,
      throws: props.throws,
      source: () => editor.value?.text() ?? original,
      isOriginal: () => editor.value === undefined || editor.value.text() === original,
      quick: JSON.parse(props.quick) as Cell['quick'],
      ...(props.needs === undefined ? {} : { needs: props.needs }),
    });
    onMounted(() => {
      original = code.value?.querySelector('pre code')?.textContent ?? '';
      ready.value = true;
      const draft = draftOf(session.lesson, props.id);
      if (draft !== undefined) void edit(draft);
    });
    const elapsed = useElapsed(() => cell.status === 'running');
    onBeforeUnmount(() => {
      editor.value?.destroy();
      session.remove(cell);
    });

    const edit = async (text = original, caret = 0): Promise<void> => {
      if (editor.value !== undefined || host.value === undefined) return;
      const { createEditor } = await import('../live/editor.ts');
      // another click may have come first, or the page may be gone
      if (editor.value !== undefined || host.value === null) return;
      const made = createEditor(host.value, text, {
        label: `code of cell ${props.id}`,
        caret,
        changed: () => {
          session.touch(cell);
          keepDraft(session.lesson, props.id, made.text());
        },
        run: () => void session.run(cell),
        leave: () => bar.value?.querySelector('button')?.focus(),
      });
      editor.value = made;
    };
    const begin = async (caret?: number): Promise<void> => {
      await edit(original, caret);
      editor.value?.focus();
    };
    /** A click into the code; to select some of it, or to press its button, is something else. */
    const touched = ({ target }: MouseEvent): void => {
      const selection = getSelection();
      const inside = code.value?.querySelector('pre code');
      if (selection === null || !selection.isCollapsed || !inside) return;
      if (!(target instanceof Element) || target.closest('button') !== null) return;
      const before = document.createRange();
      before.selectNodeContents(inside);
      if (inside.contains(selection.anchorNode))
        before.setEnd(selection.anchorNode!, selection.anchorOffset);
      void begin(before.toString().length);
    };
    const revert = (): void => {
      keepDraft(session.lesson, props.id, undefined);
      editor.value?.destroy();
      editor.value = undefined;
      session.touch(cell);
    };
    const bar = ref<HTMLElement>();
    const runs = computed(() => props.role !== 'norun');
    const isBusy = computed(() => cell.status === 'running' || cell.status === 'queued');
    /** What a cell waits for, or what keeps it from running. */
    const because = (): string => {
      const runs = session.cells.find(({ status }) => status === 'running');
      if (cell.status === 'queued' && runs !== undefined) return ` for cell ${runs.id}`;
      return cell.status === 'blocked' ? `: cell ${cell.blockedBy} above failed` : '';
    };

    const buttons = () =>
      h('div', { class: 'cell-bar', ref: bar }, [
        runs.value
          ? h(
              'button',
              {
                type: 'button',
                class: 'cell-run',
                disabled: !ready.value,
                'aria-label': isBusy.value ? `stop cell ${props.id}` : `run cell ${props.id}`,
                title: 'Run (Ctrl+Enter in the editor). Cells above run first if they have not.',
                onClick: () => (isBusy.value ? session.interrupt() : void session.run(cell)),
              },
              isBusy.value ? '■ Stop' : '▶ Run',
            )
          : null,
        editor.value === undefined
          ? h(
              'button',
              { type: 'button', 'aria-label': `edit cell ${props.id}`, onClick: () => begin() },
              'Edit',
            )
          : h(
              'button',
              { type: 'button', 'aria-label': `restore cell ${props.id}`, onClick: revert },
              'Restore',
            ),
        h(
          'span',
          { class: `cell-status ${cell.status}`, role: 'status' },
          [
            SAID[cell.status],
            because(),
            cell.ms !== undefined && cell.status === 'done' ? ` in ${seconds(cell.ms)}` : '',
            quickly(cell),
          ].join(''),
        ),
        // beside the status: nobody wants to have each second read out
        elapsed.value < 2 ? null : h('span', { class: 'cell-elapsed' }, `${elapsed.value} s`),
        h('span', { class: 'cell-name' }, props.id),
      ]);

    const outputs = () => {
      if (cell.outputs !== undefined)
        return cell.outputs.every(({ kind }) => kind === 'record')
          ? null
          : h('div', { class: 'cell-out', 'aria-label': `output of ${props.id}`, role: 'group' }, [
              h(OutputList, { outputs: cell.outputs }),
            ]);
      return props.recorded
        ? h(
            'div',
            {
              class: 'cell-out recorded',
              role: 'group',
              'aria-label': `recorded output of ${props.id}`,
            },
            [slots['recorded']?.()],
          )
        : null;
    };

    return () => {
      const body = [
        buttons(),
        h(
          'div',
          {
            ref: code,
            class: 'cell-code',
            style: editor.value === undefined ? {} : { display: 'none' },
            onClick: touched,
          },
          slots['code']?.(),
        ),
        h('div', { ref: host, class: 'cell-editor' }),
        outputs(),
      ];
      const title = TITLES[props.role];
      return h(
        'section',
        { class: ['cell', props.role], id: `cell-${props.id}`, 'aria-label': `cell ${props.id}` },
        title === undefined ? body : [h('details', [h('summary', title), ...body])],
      );
    };
  },
});
