/**
 * Names of the functions whose first call is timed, for who starts processes and loads no package.
 */

export const CASE_NAMES = [
  'mlp-train',
  'lenet-train',
  'resnet18-forward',
  'resnet20-train',
  'lstm-train',
  'transformer-train',
] as const;

export type CaseName = (typeof CASE_NAMES)[number];
