/**
 * The first hour on a lesson's page: what it says above and below the lesson, and sections that wait for later.
 *
 * Invariant: nothing is taken away: a folded section keeps its heading and opens with a click, or when somebody goes to
 * a place in it, and its cells are cells of the page like all others. An address that ends with `?first` asks for the
 * first hour at once; who is on the way stays on it until they leave it, or load a page anew.
 */
import {
  computed,
  defineComponent,
  h,
  type InjectionKey,
  inject,
  onBeforeUnmount,
  onMounted,
  type Ref,
  ref,
  type VNode,
} from 'vue';

/** What the page of a lesson says about the way that it is on. */
export interface OnTheWay {
  /** From 1. */
  readonly place: number;
  readonly of: number;
  readonly minutes: number;
  /** Nothing on the last page. */
  readonly next?: { readonly title: string; readonly link: string };
}

/** Whether the page shows what belongs to the first hour alone. */
export const firstHourKey: InjectionKey<Ref<boolean>> = Symbol('first hour');

let isUnderway = false;

/** Whether the page before this one was on the way. */
export const underway = (): boolean => isUnderway;

/** The reader sets out, or leaves the way. */
export const setOut = (now: boolean): void => {
  isUnderway = now;
};

/** Above the lesson. */
export const signpost = ({ place, of, minutes }: OnTheWay): VNode =>
  h('p', { class: 'first-hour' }, [
    h('a', { href: '/first-hour' }, 'The first hour'),
    `, stop ${place} of ${of}: about ${minutes} minute${minutes === 1 ? '' : 's'}. What is folded can wait.`,
  ]);

/** Below it. */
export const farewell = ({ next }: OnTheWay): VNode =>
  h(
    'p',
    { class: 'first-hour' },
    next === undefined
      ? [
          'That was the first hour: you have trained LeNet, and you know what each of its lines does. To be sure of it, write it again in the ',
          h('a', { href: '/playground' }, 'playground'),
          '. ',
          h('a', { href: '/contents' }, 'What would you like to see next?'),
        ]
      : ['Next in the first hour: ', h('a', { href: next.link }, next.title)],
  );

/** A section that is not part of the first hour. */
export const LaterSection = defineComponent({
  props: { title: { type: String, required: true } },
  setup(props, { slots }) {
    const isFirst = inject(firstHourKey, ref(false));
    const isOpened = ref(false);
    const isFolded = computed(() => isFirst.value && !isOpened.value);
    const root = ref<HTMLElement>();
    const openTarget = (): void => {
      const id = decodeURIComponent(location.hash.slice(1));
      const target = id === '' ? null : document.getElementById(id);
      if (target !== null && root.value?.contains(target)) isOpened.value = true;
    };
    onMounted(() => {
      openTarget();
      addEventListener('hashchange', openTarget);
    });
    onBeforeUnmount(() => removeEventListener('hashchange', openTarget));
    return () =>
      h('section', { ref: root, class: ['later', isFolded.value ? 'folded' : ''] }, [
        slots['default']?.(),
        isFolded.value
          ? h(
              'button',
              {
                type: 'button',
                class: 'later-show',
                'aria-label': `show the section ${props.title}`,
                onClick: () => {
                  isOpened.value = true;
                },
              },
              'for later: show',
            )
          : null,
      ]);
  },
});
