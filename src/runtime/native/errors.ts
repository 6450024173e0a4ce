/**
 * What failures of the driver, the compiler and NCCL mean, for people.
 *
 * Invariant: the message holds the library's own name and text, so that a search finds it; what we add says what to do.
 */
import { NativeError } from './api.ts';

/** The context is gone for good: the driver gives the same answer to every later call. */
const FATAL: ReadonlySet<string> = new Set([
  'CUDA_ERROR_ILLEGAL_ADDRESS',
  'CUDA_ERROR_LAUNCH_TIMEOUT',
  'CUDA_ERROR_ASSERT',
  'CUDA_ERROR_HARDWARE_STACK_ERROR',
  'CUDA_ERROR_ILLEGAL_INSTRUCTION',
  'CUDA_ERROR_MISALIGNED_ADDRESS',
  'CUDA_ERROR_INVALID_ADDRESS_SPACE',
  'CUDA_ERROR_INVALID_PC',
  'CUDA_ERROR_LAUNCH_FAILED',
  'CUDA_ERROR_ECC_UNCORRECTABLE',
  'CUDA_ERROR_NVLINK_UNCORRECTABLE',
  'CUDA_ERROR_CONTAINED',
  'CUDA_ERROR_TENSOR_MEMORY_LEAK',
]);

const LOST =
  'an earlier kernel did this; the device has stopped, and every later call of this process fails in the same way. compute-sanitizer names the kernel';

const ADVICE: Readonly<Record<string, string>> = {
  CUDA_ERROR_OUT_OF_MEMORY: 'the device has no room for this; other processes may hold the rest',
  CUDA_ERROR_NO_BINARY_FOR_GPU: 'the image was compiled for another architecture',
  CUDA_ERROR_UNSUPPORTED_PTX_VERSION: 'NVRTC is newer than the driver: update the driver',
  CUDA_ERROR_INVALID_IMAGE: 'NVRTC may be newer than the driver',
  CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES:
    'too many threads for the registers of this kernel, or too large parameters',
  NVRTC_ERROR_BUILTIN_OPERATION_FAILURE:
    'libnvrtc-builtins of the same version belongs beside libnvrtc',
  ncclUnhandledCudaError: 'NCCL_DEBUG=WARN says more',
  ncclSystemError: 'NCCL_DEBUG=WARN says more',
  ncclInternalError: 'NCCL_DEBUG=WARN says more',
};

/** The error for a failure; the add-on calls this. */
export const nativeError = (
  code: string,
  call: string,
  detail: string,
  log: string,
): NativeError => {
  const fatal = FATAL.has(code);
  const advice = fatal ? LOST : ADVICE[code];
  const lines = [
    `${call}: ${detail === '' ? code : `${detail} (${code})`}`,
    ...(advice === undefined ? [] : [`  help: ${advice}`]),
    ...(log === '' ? [] : [log.trimEnd()]),
  ];
  return new NativeError(code, call, lines.join('\n'), log, fatal);
};
