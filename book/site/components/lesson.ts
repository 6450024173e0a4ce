/**
 * Around a lesson: the bar with its device and its buttons for all cells; it owns the session.
 *
 * Invariant: the worker is made when the page is there, so that the first cell need not wait; leaving the page ends it.
 * An address that ends with `?quick` asks for quick runs at once.
 */
import { defineComponent, h, onBeforeUnmount, onMounted, provide, ref } from 'vue';
import type { DeviceName } from '../live/protocol.ts';
import { createSession } from '../live/session.ts';
import { farewell, firstHourKey, type OnTheWay, setOut, signpost, underway } from './first-hour.ts';
import { sessionKey } from './session-key.ts';

const spawn = (): Worker =>
  new Worker(new URL('../live/worker.ts', import.meta.url), { type: 'module' });

export const Lesson = defineComponent({
  props: {
    id: { type: String, required: true },
    /** What to say about the first hour, as JSON, on pages that are on its way. */
    first: String,
  },
  setup(props, { slots }) {
    const way = props.first === undefined ? undefined : (JSON.parse(props.first) as OnTheWay);
    const isFirst = ref(false);
    provide(firstHourKey, isFirst);
    const session = createSession(props.id, spawn);
    provide(sessionKey, session);
    onBeforeUnmount(() => session.stop());
    const hasGpu = ref(false);
    const ready = ref(false);
    onMounted(() => {
      hasGpu.value = 'gpu' in navigator;
      ready.value = true;
      const asked = new URLSearchParams(location.search);
      if (asked.has('quick')) session.use({ quick: true });
      if (asked.has('first')) setOut(true);
      isFirst.value = way !== undefined && underway();
      setTimeout(session.warm, 0);
    });
    return () => {
      const { state } = session;
      const said = state.loading
        ? 'loading the framework …'
        : state.using === ''
          ? state.forgotten
            ? 'stopped: values are forgotten, cells run anew'
            : 'cells run in this page'
          : `running on ${state.using}${state.why === '' ? '' : `: ${state.why}`}`;
      return [
        h('div', { class: 'lesson-bar', role: 'toolbar', 'aria-label': 'the whole lesson' }, [
          h(
            'button',
            {
              type: 'button',
              disabled: !ready.value || state.busy,
              onClick: () => void session.runAll(),
            },
            '▶ Run all',
          ),
          h(
            'button',
            {
              type: 'button',
              disabled: !ready.value,
              onClick: () => session.stop(),
              title: 'Stop, and forget all values',
            },
            '↺ Start over',
          ),
          h('label', [
            'device ',
            h(
              'select',
              {
                value: state.device,
                onChange: (e: Event) =>
                  session.use({
                    device: (e.target as HTMLSelectElement).value as DeviceName,
                  }),
              },
              [
                h('option', { value: 'cpu' }, 'CPU (WebAssembly)'),
                h('option', { value: 'webgpu', disabled: !hasGpu.value }, 'GPU (WebGPU)'),
              ],
            ),
          ]),
          h(
            'label',
            { title: 'Fewer examples and epochs than the text says: each cell tells which' },
            [
              h('input', {
                type: 'checkbox',
                checked: state.quick,
                onChange: (e: Event) =>
                  session.use({ quick: (e.target as HTMLInputElement).checked }),
              }),
              ' quick',
            ],
          ),
          way === undefined
            ? null
            : h('label', { title: 'Fold what does not belong to the first hour' }, [
                h('input', {
                  type: 'checkbox',
                  checked: isFirst.value,
                  onChange: (e: Event) => {
                    isFirst.value = (e.target as HTMLInputElement).checked;
                    setOut(isFirst.value);
                  },
                }),
                ' first hour',
              ]),
          h('span', { class: 'lesson-said', role: 'status' }, said),
        ]),
        way !== undefined && isFirst.value ? signpost(way) : null,
        slots['default']?.(),
        way !== undefined && isFirst.value ? farewell(way) : null,
      ];
    };
  },
});
