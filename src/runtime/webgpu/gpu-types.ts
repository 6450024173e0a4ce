/**
 * The part of WebGPU that a compute runtime uses, as plain structural types, and the constants of its flags.
 *
 * Invariant: nothing global and no import, so that our declarations compile for users with or without the library "DOM"
 * and `@webgpu/types`; what browsers and Dawn give fits these types.
 */

export const BufferUsage = {
  mapRead: 1,
  mapWrite: 2,
  copySource: 4,
  copyTarget: 8,
  uniform: 64,
  storage: 128,
  queryResolve: 512,
} as const;
export const MAP_READ = 1;
export const MAP_WRITE = 2;
export const STAGE_COMPUTE = 4;

export interface Gpu {
  requestAdapter(options?: AdapterRequest): Promise<GpuAdapter | null>;
}

export interface AdapterRequest {
  readonly powerPreference?: 'low-power' | 'high-performance';
  readonly forceFallbackAdapter?: boolean;
}

export interface GpuAdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  readonly subgroupMinSize?: number | undefined;
  readonly subgroupMaxSize?: number | undefined;
  readonly isFallbackAdapter?: boolean | undefined;
}

export interface GpuFeatures extends Iterable<string> {
  has(name: string): boolean;
}

export interface GpuAdapter {
  readonly features: GpuFeatures;
  /** Numbers by name; their properties are getters of a prototype. */
  readonly limits: object;
  readonly info: GpuAdapterInfo;
  requestDevice(descriptor?: {
    readonly label?: string;
    readonly requiredFeatures?: readonly string[];
    readonly requiredLimits?: Readonly<Record<string, number>>;
  }): Promise<GpuDevice>;
}

export interface GpuError {
  readonly message: string;
}

export interface GpuBuffer {
  readonly size: number;
  mapAsync(mode: number, offset?: number, size?: number): Promise<unknown>;
  getMappedRange(offset?: number, size?: number): ArrayBuffer;
  unmap(): void;
  destroy(): void;
}

/** Objects that are only handed on. */
export interface GpuBindGroupLayout {
  readonly label: string;
}
export interface GpuPipelineLayout {
  readonly label: string;
}
export interface GpuComputePipeline {
  readonly label: string;
}
export interface GpuBindGroup {
  readonly label: string;
}
export interface GpuCommandBuffer {
  readonly label: string;
}

export interface GpuQuerySet {
  destroy(): void;
}

export interface GpuShaderModule {
  getCompilationInfo(): Promise<{
    readonly messages: readonly {
      readonly type: string;
      readonly message: string;
      readonly lineNum: number;
      readonly linePos: number;
    }[];
  }>;
}

export interface GpuComputePass {
  setPipeline(pipeline: GpuComputePipeline): void;
  setBindGroup(index: number, group: GpuBindGroup, dynamicOffsets?: readonly number[]): void;
  dispatchWorkgroups(x: number, y?: number, z?: number): void;
  end(): void;
}

export interface GpuCommandEncoder {
  beginComputePass(descriptor?: {
    readonly label?: string;
    readonly timestampWrites?: {
      readonly querySet: GpuQuerySet;
      readonly beginningOfPassWriteIndex?: number;
      readonly endOfPassWriteIndex?: number;
    };
  }): GpuComputePass;
  copyBufferToBuffer(
    from: GpuBuffer,
    fromOffset: number,
    to: GpuBuffer,
    toOffset: number,
    size: number,
  ): void;
  resolveQuerySet(
    querySet: GpuQuerySet,
    first: number,
    count: number,
    to: GpuBuffer,
    toOffset: number,
  ): void;
  finish(): GpuCommandBuffer;
}

export interface GpuQueue {
  submit(commands: readonly GpuCommandBuffer[]): void;
  writeBuffer(
    buffer: GpuBuffer,
    bufferOffset: number,
    data: Uint8Array<ArrayBuffer>,
    dataOffset?: number,
    size?: number,
  ): void;
  onSubmittedWorkDone(): Promise<unknown>;
}

export interface BindGroupLayoutEntry {
  readonly binding: number;
  readonly visibility: number;
  readonly buffer: {
    readonly type: 'storage' | 'read-only-storage' | 'uniform';
    readonly hasDynamicOffset?: boolean;
  };
}

export interface BindGroupEntry {
  readonly binding: number;
  readonly resource: { readonly buffer: GpuBuffer; readonly offset: number; readonly size: number };
}

export interface ComputePipelineDescriptor {
  readonly label: string;
  readonly layout: GpuPipelineLayout;
  readonly compute: { readonly module: GpuShaderModule; readonly entryPoint: string };
}

export type ErrorFilter = 'validation' | 'out-of-memory' | 'internal';

export interface GpuDevice {
  readonly features: GpuFeatures;
  readonly limits: object;
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
  readonly queue: GpuQueue;
  createBuffer(descriptor: {
    readonly size: number;
    readonly usage: number;
    readonly mappedAtCreation?: boolean;
    readonly label?: string;
  }): GpuBuffer;
  createShaderModule(descriptor: {
    readonly code: string;
    readonly label?: string;
  }): GpuShaderModule;
  createBindGroupLayout(descriptor: {
    readonly label?: string;
    readonly entries: readonly BindGroupLayoutEntry[];
  }): GpuBindGroupLayout;
  createPipelineLayout(descriptor: {
    readonly label?: string;
    readonly bindGroupLayouts: readonly GpuBindGroupLayout[];
  }): GpuPipelineLayout;
  createComputePipeline(descriptor: ComputePipelineDescriptor): GpuComputePipeline;
  createComputePipelineAsync(descriptor: ComputePipelineDescriptor): Promise<GpuComputePipeline>;
  createBindGroup(descriptor: {
    readonly label?: string;
    readonly layout: GpuBindGroupLayout;
    readonly entries: readonly BindGroupEntry[];
  }): GpuBindGroup;
  createCommandEncoder(descriptor?: { readonly label?: string }): GpuCommandEncoder;
  createQuerySet(descriptor: { readonly type: 'timestamp'; readonly count: number }): GpuQuerySet;
  pushErrorScope(filter: ErrorFilter): void;
  popErrorScope(): Promise<GpuError | null>;
  addEventListener(
    type: 'uncapturederror',
    listener: (event: { readonly error: GpuError; preventDefault?(): void }) => void,
  ): void;
  destroy(): void;
}
