/**
 * What a cell has shown: text, values, tables, pictures, compiled programs, errors.
 *
 * Invariant: text is text, never markup; only drawings made here from plain data are inserted as SVG.
 */
import type { Figure, Table } from 'tigon/d2l';
import { defineComponent, h, onMounted, type PropType, ref, type VNode, watch } from 'vue';
import type { Output } from '../../kernel/output.ts';
import { ProgramsPanel } from './programs.ts';

/** Pixels of a figure: as wide as there is place, within these. */
const WIDEST = 640;
const NARROWEST = 280;

/** A figure as SVG; the package that draws it is loaded with the first one. */
const FigureView = defineComponent({
  props: { figure: { type: Object as PropType<Figure>, required: true } },
  setup(props) {
    const svg = ref('');
    const host = ref<HTMLElement>();
    const draw = async (): Promise<void> => {
      const { figureSvg } = await import('../live/drawing.ts');
      const width = Math.min(WIDEST, Math.max(NARROWEST, host.value?.clientWidth ?? WIDEST));
      svg.value = await figureSvg(props.figure, { width });
    };
    onMounted(draw);
    watch(() => props.figure, draw);
    return () => h('div', { ref: host, class: 'cell-figure', innerHTML: svg.value });
  },
});

const number = (x: number): string =>
  Number.isInteger(x) ? String(x) : Math.abs(x) >= 100 ? x.toFixed(1) : x.toPrecision(3);

const tableView = (table: Table): VNode[] => [
  ...(table.caption === undefined ? [] : [h('p', { class: 'cell-caption' }, table.caption)]),
  h(
    'div',
    { class: 'cell-table', tabindex: 0, role: 'group', 'aria-label': table.caption ?? 'table' },
    [
      h('table', [
        h(
          'thead',
          h(
            'tr',
            table.columns.map((name) => h('th', { scope: 'col' }, name)),
          ),
        ),
        h(
          'tbody',
          table.rows.map((row) =>
            h(
              'tr',
              row.map((x) => h('td', typeof x === 'number' ? number(x) : (x ?? '–'))),
            ),
          ),
        ),
      ]),
    ],
  ),
];

const view = (output: Output): VNode | VNode[] | null => {
  switch (output.kind) {
    case 'text':
      return h('pre', { class: `cell-text ${output.stream}` }, output.text);
    case 'value':
      return h('pre', { class: 'cell-value' }, output.text);
    case 'record':
      return null;
    case 'error': {
      const where = output.line === undefined ? '' : `line ${output.line}: `;
      return h(
        'pre',
        { class: 'cell-error', role: 'alert' },
        `${where}${output.name}: ${output.message}`,
      );
    }
    case 'display': {
      const { item } = output;
      switch (item.kind) {
        case 'figure':
          return h(FigureView, { figure: item });
        case 'table':
          return tableView(item);
        case 'programs':
          return h(ProgramsPanel, { programs: item });
        default:
          return item satisfies never;
      }
    }
    default:
      return output satisfies never;
  }
};

export const OutputList = defineComponent({
  props: { outputs: { type: Array as PropType<readonly Output[]>, required: true } },
  setup: (props) => () =>
    props.outputs.map((output, i) =>
      h(
        'div',
        { key: output.kind === 'display' ? output.id : i, class: 'cell-item' },
        [view(output) ?? []].flat(),
      ),
    ),
});
