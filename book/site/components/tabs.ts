/**
 * Tabs: one of several views, chosen by pointer or by arrow keys.
 *
 * Invariant: follows the ARIA pattern for tabs; only the chosen view is made.
 */
import { defineComponent, h, type PropType, ref, type VNode } from 'vue';

export interface Tab {
  readonly name: string;
  readonly view: () => VNode;
}

let made = 0;

export const Tabs = defineComponent({
  props: {
    tabs: { type: Array as PropType<readonly Tab[]>, required: true },
    label: { type: String, required: true },
  },
  setup(props) {
    const own = `tabs-${++made}`;
    const at = ref(0);
    const go = (to: number): void => {
      at.value = (to + props.tabs.length) % props.tabs.length;
      document.getElementById(`${own}-${at.value}`)?.focus();
    };
    const key = (event: KeyboardEvent): void => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      go(at.value + step);
    };
    return () =>
      h('div', { class: 'tabs' }, [
        h(
          'div',
          { role: 'tablist', 'aria-label': props.label, onKeydown: key },
          props.tabs.map(({ name }, i) =>
            h(
              'button',
              {
                type: 'button',
                role: 'tab',
                id: `${own}-${i}`,
                'aria-selected': i === at.value,
                'aria-controls': `${own}-view`,
                tabindex: i === at.value ? 0 : -1,
                onClick: () => go(i),
              },
              name,
            ),
          ),
        ),
        h(
          'div',
          {
            role: 'tabpanel',
            id: `${own}-view`,
            'aria-labelledby': `${own}-${at.value}`,
            tabindex: 0,
          },
          [props.tabs[at.value]?.view()],
        ),
      ]);
  },
});
