/**
 * Pipelines: shaders made ready by the driver, asynchronously and in parallel, kept by their text.
 *
 * Invariants: layouts are explicit and shared, so equal shaders are one pipeline and their bind groups fit it; a
 * pipeline that was asked for is ready, failed or on its way, and `settle` ends the waiting.
 */
import type { Shader, ShaderBinding } from '../../codegen/wgsl/shader.ts';
import { TigonError } from '../../ir/errors.ts';
import type { Counters } from './counters.ts';
import type { Faults } from './faults.ts';
import {
  type ComputePipelineDescriptor,
  type GpuBindGroupLayout,
  type GpuComputePipeline,
  type GpuDevice,
  type GpuPipelineLayout,
  type GpuShaderModule,
  STAGE_COMPUTE,
} from './gpu-types.ts';

export interface Pipeline {
  readonly layout: GpuBindGroupLayout;
  /** Undefined while it is compiled, and when that failed. */
  ready: GpuComputePipeline | undefined;
  failure: TigonError | undefined;
  readonly descriptor: ComputePipelineDescriptor;
}

interface Layouts {
  readonly group: GpuBindGroupLayout;
  readonly pipeline: GpuPipelineLayout;
}

/** Programs keep the pipelines they use; these are kept for programs to come. */
const KEPT = 1024;
const CONTEXT_LINES = 2;

export class Pipelines {
  readonly #gpu: GpuDevice;
  readonly #counters: Counters;
  readonly #faults: Faults;
  readonly #changed: () => void;
  readonly #byText = new Map<string, Pipeline>();
  readonly #layouts = new Map<string, Layouts>();

  /** `changed` is called whenever a pipeline that was on its way is ready or has failed. */
  constructor(gpu: GpuDevice, counters: Counters, faults: Faults, changed: () => void) {
    this.#gpu = gpu;
    this.#counters = counters;
    this.#faults = faults;
    this.#changed = changed;
  }

  /** The pipeline of a shader. `label` names it in errors. */
  request(shader: Pick<Shader, 'code' | 'entryPoint' | 'bindings'>, label: string): Pipeline {
    const signature = shader.bindings.map((b) => `${b.binding} ${b.kind}`).join();
    const key = `${signature}\n${shader.code}`;
    const known = this.#byText.get(key);
    if (known !== undefined) {
      this.#byText.delete(key);
      this.#byText.set(key, known);
      return known;
    }
    const made = this.#start(
      shader.code,
      shader.entryPoint,
      this.#layoutsFor(signature, shader.bindings),
      label,
    );
    this.#byText.set(key, made);
    if (this.#byText.size > KEPT) this.#byText.delete(this.#byText.keys().next().value!);
    return made;
  }

  /** Makes a pipeline at once, whoever else works on it. */
  settle(pipeline: Pipeline): void {
    if (pipeline.ready !== undefined || pipeline.failure !== undefined) return;
    this.#gpu.pushErrorScope('validation');
    const made = this.#gpu.createComputePipeline(pipeline.descriptor);
    const scope = this.#gpu.popErrorScope();
    this.#counters.pipelines++;
    pipeline.ready = made;
    this.#faults.watch(
      scope.then((error) => {
        if (error === null) return;
        pipeline.failure ??= compileError(pipeline.descriptor.label, error.message);
        this.#faults.note(pipeline.failure);
      }, ignoreLoss),
    );
  }

  #start(code: string, entryPoint: string, layouts: Layouts, label: string): Pipeline {
    const gpu = this.#gpu;
    gpu.pushErrorScope('validation');
    const module = gpu.createShaderModule({ code, label });
    const scope = gpu.popErrorScope();
    const descriptor = { label, layout: layouts.pipeline, compute: { module, entryPoint } };
    const pipeline: Pipeline = {
      layout: layouts.group,
      ready: undefined,
      failure: undefined,
      descriptor,
    };
    const refused = async (reason: unknown): Promise<void> => {
      if (this.#faults.lost === undefined) {
        const why = await scope.catch(() => null);
        const said = why?.message ?? (await messages(module, code)) ?? String(reason);
        pipeline.failure ??= compileError(label, said);
      }
      this.#changed();
    };
    this.#faults.watch(
      gpu.createComputePipelineAsync(descriptor).then((ready) => {
        if (pipeline.ready === undefined) {
          this.#counters.pipelines++;
          pipeline.ready = ready;
        }
        this.#changed();
      }, refused),
    );
    return pipeline;
  }

  #layoutsFor(signature: string, bindings: readonly ShaderBinding[]): Layouts {
    let layouts = this.#layouts.get(signature);
    if (layouts === undefined) {
      const group = this.#gpu.createBindGroupLayout({
        label: signature,
        entries: bindings.map(({ binding, kind }) => ({
          binding,
          visibility: STAGE_COMPUTE,
          buffer: { type: kind, hasDynamicOffset: kind === 'uniform' },
        })),
      });
      const pipeline = this.#gpu.createPipelineLayout({
        label: signature,
        bindGroupLayouts: [group],
      });
      layouts = { group, pipeline };
      this.#layouts.set(signature, layouts);
    }
    return layouts;
  }
}

/** A lost device is reported by those who wait for it. */
const ignoreLoss = (): void => {};

const compileError = (label: string, message: string): TigonError =>
  new TigonError(
    'device',
    `${label} does not compile for this device: ${message.trim()}`,
    'this is a bug in Tigon or in the driver; the program runs on device.cpu()',
  );

/** What the compiler said, with the lines it means. */
const messages = async (module: GpuShaderModule, code: string): Promise<string | undefined> => {
  const info = await module.getCompilationInfo().catch(() => undefined);
  const lines = code.split('\n');
  const errors = info?.messages.filter((m) => m.type === 'error') ?? [];
  if (errors.length === 0) return undefined;
  return errors
    .map(({ message, lineNum }) => {
      const around = lines.slice(Math.max(0, lineNum - 1 - CONTEXT_LINES), lineNum);
      return `${message}\n    ${around.join('\n    ')}`;
    })
    .join('\n');
};
