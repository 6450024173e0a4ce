/**
 * The graph of a program as a picture.
 *
 * Invariant: what draws it is loaded with the first graph that is looked at; until then, and where it cannot be loaded, the
 * graph is there as text.
 */
import type { ProgramView } from 'tigon/d2l';
import { defineComponent, h, onMounted, type PropType, ref } from 'vue';

const draw = async (dot: string): Promise<string> => {
  const { Graphviz } = await import('@hpcc-js/wasm-graphviz');
  const svg = (await Graphviz.load()).dot(dot);
  return svg.slice(svg.indexOf('<svg'));
};

export const GraphView = defineComponent({
  props: { view: { type: Object as PropType<ProgramView>, required: true } },
  setup(props) {
    const svg = ref(props.view.svg);
    onMounted(async () => {
      svg.value ??= await draw(props.view.dot).catch(() => undefined);
    });
    return () => {
      const { dot, part } = props.view;
      return svg.value === undefined
        ? h(
            'pre',
            {
              class: 'panel-code',
              tabindex: 0,
              'aria-label': `graph of ${part}, in the DOT language`,
            },
            dot,
          )
        : h('div', {
            class: 'panel-graph',
            role: 'img',
            tabindex: 0,
            'aria-label': `graph of ${part}`,
            innerHTML: svg.value,
          });
    };
  },
});
