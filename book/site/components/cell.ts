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
  ref,
  shallowRef,
} from 'vue';
import type { Cell, Role } from '../../format/lesson.ts';
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
    });
    onBeforeUnmount(() => {
      editor.value?.destroy();
      session.remove(cell);
    });

    const edit = async (): Promise<void> => {
      if (editor.value !== undefined || host.value === undefined) return;
      const { createEditor } = await import('../live/editor.ts');
      editor.value = createEditor(host.value, original, {
        label: `code of cell ${props.id}`,
        changed: () => session.touch(cell),
        run: () => void session.run(cell),
        leave: () => bar.value?.querySelector('button')?.focus(),
      });
      editor.value.focus();
    };
    const revert = (): void => {
      editor.value?.destroy();
      editor.value = undefined;
      session.touch(cell);
    };
    const bar = ref<HTMLElement>();
    const runs = computed(() => props.role !== 'norun');
    const isBusy = computed(() => cell.status === 'running' || cell.status === 'queued');

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
              { type: 'button', 'aria-label': `edit cell ${props.id}`, onClick: edit },
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
            cell.ms !== undefined && cell.status === 'done' ? ` in ${seconds(cell.ms)}` : '',
            quickly(cell),
          ].join(''),
        ),
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
            onDblclick: edit,
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
