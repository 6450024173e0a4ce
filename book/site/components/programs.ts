/**
 * The panel of a compiled function: its graph, its kernels with their code, its memory plan, what each pass did.
 *
 * Invariant: shows what `programs(f)` gives, all of it; nothing is computed again here.
 */
import type { Programs, ProgramView } from 'tigon/d2l';
import { defineComponent, h, type PropType, ref, type VNode } from 'vue';
import { GraphView } from './graph.ts';
import { memoryPlan } from './memory.ts';
import { Tabs } from './tabs.ts';

const size = (bytes: number): string =>
  bytes < 1e3
    ? `${bytes} B`
    : bytes < 1e6
      ? `${(bytes / 1e3).toFixed(1)} kB`
      : `${(bytes / 1e6).toFixed(2)} MB`;

const plural = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

const code = (text: string, label: string): VNode =>
  h('pre', { class: 'panel-code', tabindex: 0, 'aria-label': label }, text);

const folded = (title: string, content: readonly VNode[]): VNode =>
  h('details', [h('summary', title), ...content]);

const kernels = (view: ProgramView, language: string): VNode => {
  const times = (name: string): number => view.launches.filter((n) => n === name).length;
  const list = view.report.kernels.filter(
    (k, i, all) => all.findIndex((o) => o.name === k.name) === i,
  );
  return h('div', [
    h(
      'p',
      `${plural(view.launches.length, 'launch', 'launches')} a call, ${plural(Object.keys(view.code).length, 'kernel')}.`,
    ),
    ...list.map((k) => {
      const moved = [...k.reads, ...k.writes].reduce((sum, r) => sum + r.bytes, 0);
      const count = times(k.name);
      const facts = [`${size(moved)} moved`, `${k.flops.toLocaleString('en')} operations`];
      if (count > 1) facts.unshift(`${count} times`);
      const measured = view.timing?.filter((t) => t.kernel === k.name) ?? [];
      const nanoseconds = measured.reduce((sum, t) => sum + t.nanoseconds, 0);
      if (measured.length > 0) facts.unshift(`${(nanoseconds / 1000).toFixed(1)} µs`);
      const text = view.code[k.name];
      return folded(`${k.name}: ${facts.join(', ')}`, [
        h(
          'ul',
          [...k.nests, ...k.schedule].map((line) => h('li', line)),
        ),
        k.origin.length > 0 ? h('p', `From ${k.origin.join(', ')}.`) : h('p', ''),
        folded('loops', [code(k.loop, `loops of ${k.name}`)]),
        ...(text === undefined
          ? []
          : [folded(language.toUpperCase(), [code(text, `${language} of ${k.name}`)])]),
      ]);
    }),
  ]);
};

const passes = ({ report }: ProgramView): VNode =>
  h('div', [
    ...report.stages.map((stage) =>
      stage.text === undefined
        ? h('p', `${stage.name}: changed nothing`)
        : folded(`${stage.name}: ${stage.nodes} nodes`, [
            ...(stage.notes.length > 0
              ? [
                  h(
                    'ul',
                    stage.notes.map((n) => h('li', n)),
                  ),
                ]
              : []),
            code(stage.text, `graph after ${stage.name}`),
          ]),
    ),
    ...(report.fusion.length > 0
      ? [
          folded(`${report.fusion.length} decisions of fusion`, [
            h(
              'ul',
              report.fusion.map((n) => h('li', n)),
            ),
          ]),
        ]
      : []),
  ]);

export const ProgramsPanel = defineComponent({
  props: { programs: { type: Object as PropType<Programs>, required: true } },
  setup(props) {
    const chosen = ref(0);
    return () => {
      const { name, programs, split, language } = props.programs;
      const view = programs[chosen.value] ?? programs[0];
      if (view === undefined) return h('p', `${name} has not been compiled yet: call it once.`);
      const parts =
        programs.length < 2
          ? null
          : h(
              'div',
              { class: 'panel-parts', role: 'group', 'aria-label': 'programs' },
              programs.map((p, i) =>
                h(
                  'button',
                  {
                    type: 'button',
                    'aria-pressed': i === chosen.value,
                    onClick: () => {
                      chosen.value = i;
                    },
                  },
                  p.part,
                ),
              ),
            );
      const tabs = [
        { name: 'Kernels', view: () => kernels(view, language) },
        { name: 'Graph', view: () => h(GraphView, { view, key: chosen.value }) },
        { name: 'Memory', view: () => memoryPlan(view.report) },
        { name: 'Passes', view: () => passes(view) },
      ];
      return h('section', { class: 'panel', 'aria-label': `compiled program of ${name}` }, [
        h('p', { class: 'panel-title' }, [
          h('strong', name),
          ` compiled to ${plural(view.launches.length, 'launch', 'launches')}, ${size(view.report.memory.plannedPeakBytes)} of intermediate memory`,
          split === undefined ? '' : ` (${split})`,
        ]),
        parts,
        h(Tabs, { tabs, label: `views of ${name}`, key: chosen.value }),
      ]);
    };
  },
});
