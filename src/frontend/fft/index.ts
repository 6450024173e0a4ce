/**
 * `nd.fft`: Fourier transforms. Complex numbers are two floats along a last axis: real part, imaginary part.
 *
 * Invariant: programs that name none of this load none of it.
 */
export { complex, conjugate, imag, magnitude, multiply, real } from './complex.ts';
export {
  type FrequencyOptions,
  fftfreq,
  fftshift,
  ifftshift,
  rfftfreq,
  type ShiftOptions,
} from './frequencies.ts';
export { type FftOptions, fft, hfft, ifft, ihfft, irfft, rfft } from './functions.ts';
export {
  type FftnOptions,
  fft2,
  fftn,
  ifft2,
  ifftn,
  irfft2,
  irfftn,
  rfft2,
  rfftn,
} from './several.ts';
export type { FftNorm } from './steps.ts';
