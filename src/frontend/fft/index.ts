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
export {
  type FftNorm,
  type FftnOptions,
  type FftOptions,
  fft,
  fft2,
  fftn,
  ifft,
  ifft2,
  ifftn,
  irfft,
  irfft2,
  irfftn,
  rfft,
  rfft2,
  rfftn,
} from './functions.ts';
