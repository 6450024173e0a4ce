/**
 * What draws figures, alone: pages load it with their first figure.
 *
 * Invariant: loads nothing of the framework but this.
 */
export { figureSvg } from 'tigon/d2l/svg';
