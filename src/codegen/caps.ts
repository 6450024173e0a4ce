/**
 * Capabilities: what scheduling and code generation may use on a device, and must respect.
 *
 * Invariant: schedules depend on the caps and the kernel alone, so a program can be compiled for a device that is not there.
 */

/** What code generation may use and must respect. */
export interface Caps {
  readonly target: 'wasm' | 'wgsl' | 'cuda';
  /** Vector width in 32-bit lanes. */
  readonly lanes: 1 | 4;
  /** Fused multiply-add in one instruction (results differ in the last bit from mul + add). */
  readonly fusedMultiplyAdd: boolean;
  /** How many workgroups run at once at best. */
  readonly parallelism: number;
  readonly sharedBytes: number;
  readonly maxBindings: number;
  /** Alignment of arena offsets, bytes. */
  readonly alignment: number;
}
