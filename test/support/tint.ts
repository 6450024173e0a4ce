/**
 * Checks WGSL with Tint, the compiler of Chromium, on a device without a driver: it validates everything, runs nothing.
 *
 * Invariant: one instance for the process, never collected while its device lives (the process would abort).
 */
import './calm.ts';
import { create } from 'webgpu';
import type { Shader } from '../../src/codegen/wgsl/shader.ts';

const gpu: GPU = create(['backend=null']);
let opened: Promise<GPUDevice> | undefined;

const open = async (): Promise<GPUDevice> => {
  const adapter = await gpu.requestAdapter();
  if (adapter === null) throw new Error('the null backend has no adapter');
  return adapter.requestDevice({ requiredFeatures: ['shader-f16', 'subgroups'] });
};

/** What Tint and pipeline creation say about a shader, warnings included; nothing when all is well. */
export const tintMessages = async (shader: Shader): Promise<string[]> => {
  opened ??= open();
  const device = await opened;
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ code: shader.code });
  const { messages } = await module.getCompilationInfo();
  const list = messages.map((m) => `${m.type} ${m.lineNum}:${m.linePos} ${m.message}`);
  const layout = device.createBindGroupLayout({
    entries: shader.bindings.map(({ binding, kind, bytes }) => ({
      binding,
      visibility: 4,
      buffer: { type: kind, minBindingSize: bytes },
    })),
  });
  device.createComputePipeline({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: shader.entryPoint },
  });
  const error = await device.popErrorScope();
  if (error !== null && list.length === 0) list.push(`error ${error.message}`);
  return list;
};

/** Throws, with the text, unless Tint has nothing to say. */
export const assertTint = async (shader: Shader): Promise<void> => {
  const messages = await tintMessages(shader);
  if (messages.length === 0) return;
  const text = shader.code
    .split('\n')
    .map((line, i) => `${String(i + 1).padStart(4)} ${line}`)
    .join('\n');
  throw new Error(`${shader.name}: ${messages.join('\n')}\n${text}`);
};
