/**
 * Pipelines: shaders made ready by the driver, asynchronously and in parallel, kept by their text.
 *
 * Invariants: layouts are explicit and shared, so equal shaders are one pipeline and their bind groups fit it; a
 * pipeline that was asked for is ready, failed or on its way, and `settle` ends the waiting for the driver.
 */
import { completed } from '../../codegen/wgsl/library.ts';
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
  /** Undefined while functions of the shader are fetched. */
  descriptor: ComputePipelineDescriptor | undefined;
}

interface Layouts {
  readonly group: GpuBindGroupLayout;
  readonly pipeline: GpuPipelineLayout;
}

/** What a shader has to say for a pipeline. */
type Requested = Pick<Shader, 'code' | 'entryPoint' | 'bindings' | 'missing'>;

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
  request(shader: Requested, label: string): Pipeline {
    const signature = shader.bindings.map((b) => `${b.binding} ${b.kind}`).join();
    const key = `${signature}\n${shader.code}`;
    const known = this.#byText.get(key);
    if (known !== undefined) {
      this.#byText.delete(key);
      this.#byText.set(key, known);
      return known;
    }
    const layouts = this.#layoutsFor(signature, shader.bindings);
    const made: Pipeline = {
      layout: layouts.group,
      ready: undefined,
      failure: undefined,
      descriptor: undefined,
    };
    const { code, entryPoint, missing } = shader;
    if (missing.length === 0) this.#start(made, code, entryPoint, layouts, label);
    else
      this.#faults.watch(
        fetchFunctions().then(
          () => this.#start(made, completed(shader), entryPoint, layouts, label),
          (reason: unknown) => {
            made.failure ??= fetchError(label, String(reason));
            this.#changed();
          },
        ),
      );
    this.#byText.set(key, made);
    if (this.#byText.size > KEPT) this.#byText.delete(this.#byText.keys().next().value!);
    return made;
  }

  /** Makes a pipeline at once, whoever else works on it, if its shader is complete. */
  settle(pipeline: Pipeline): void {
    const { descriptor } = pipeline;
    if (pipeline.ready !== undefined || pipeline.failure !== undefined) return;
    if (descriptor === undefined) {
      pipeline.failure = this.#faults.lost;
      return;
    }
    this.#gpu.pushErrorScope('validation');
    const made = this.#gpu.createComputePipeline(descriptor);
    const scope = this.#gpu.popErrorScope();
    this.#counters.pipelines++;
    pipeline.ready = made;
    this.#faults.watch(
      scope.then((error) => {
        if (error === null) return;
        pipeline.failure ??= compileError(descriptor.label, error.message);
        this.#faults.note(pipeline.failure);
      }, ignoreLoss),
    );
  }

  #start(
    pipeline: Pipeline,
    code: string,
    entryPoint: string,
    layouts: Layouts,
    label: string,
  ): void {
    const gpu = this.#gpu;
    gpu.pushErrorScope('validation');
    const module = gpu.createShaderModule({ code, label });
    const scope = gpu.popErrorScope();
    const descriptor = { label, layout: layouts.pipeline, compute: { module, entryPoint } };
    pipeline.descriptor = descriptor;
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

/** Functions that few shaders call: they are no part of what pages load at once. */
const fetchFunctions = async (): Promise<void> =>
  (await import('../../codegen/wgsl/rare.ts')).bringRareFunctions();

const fetchError = (label: string, reason: string): TigonError =>
  new TigonError(
    'device',
    `${label}: functions that it calls could not be fetched: ${reason}`,
    'the page fetches a part of the program when it needs it: is the server there?',
  );

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
