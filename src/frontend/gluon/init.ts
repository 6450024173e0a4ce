/**
 * `tigon/init`: how the values of a new parameter are drawn.
 *
 * Invariant: draws come from the library's generator (`random.seed`), so a seed fixes the parameters on every device.
 */
export {
  Constant,
  type Initializer,
  type InitRequest,
  Kaiming,
  Kaiming as He,
  type KaimingOptions,
  MSRAPrelu,
  type MSRAPreluOptions,
  Normal,
  One,
  Uniform,
  Xavier,
  type XavierOptions,
  Zero,
} from './init/basic.ts';
export { ByName, Load, type LoadedArrays, Mixed } from './init/chosen.ts';
export { type InitializerLike, type InitializerName, initializer, register } from './init/named.ts';
export {
  Bilinear,
  LSTMBias,
  Orthogonal,
  type OrthogonalOptions,
  TruncatedNormal,
  type TruncatedNormalOptions,
} from './init/structured.ts';
