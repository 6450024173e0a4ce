/**
 * What a second reader of WGSL (wgsl_reflect) sees in a shader, held against what the renderer says about it.
 *
 * Invariant: only declarations are compared; the reader's interpreter is not used.
 */
import * as assert from 'uvu/assert';
import type { BindingKind, Shader } from '../../src/codegen/wgsl/shader.ts';

interface Variable {
  readonly group: number;
  readonly binding: number;
  readonly access: string;
  /** Of an array: bytes of an element. */
  readonly stride: number;
  /** Of a struct. */
  readonly size: number;
}
interface Reflection {
  readonly storage: readonly Variable[];
  readonly uniforms: readonly Variable[];
  readonly entry: {
    readonly compute: readonly {
      readonly name: string;
      readonly attributes: readonly { readonly name: string; readonly value: string | null }[];
    }[];
  };
}

// the package's main entry exports nothing to modules of Node
const { WgslReflect } = (await import('wgsl_reflect/wgsl_reflect.module.js' as string)) as {
  readonly WgslReflect: new (code: string) => Reflection;
};

/** Throws unless bindings, sizes, entry point and workgroup size are what `shader` says. */
export const assertReflection = (shader: Shader): void => {
  const seen = new WgslReflect(shader.code);
  const kindOf = (v: Variable): BindingKind =>
    v.access === 'read' ? 'read-only-storage' : 'storage';
  const found = [
    ...seen.storage.map((v) => ({ ...v, kind: kindOf(v), least: v.stride })),
    ...seen.uniforms.map((v) => ({ ...v, kind: 'uniform' as const, least: v.size })),
  ].sort((a, b) => a.binding - b.binding);
  assert.equal(
    found.map(({ group, binding, kind }) => ({ group, binding, kind })),
    shader.bindings.map(({ binding, kind }) => ({ group: 0, binding, kind })),
    shader.name,
  );
  found.forEach(({ least }, i) => {
    assert.ok(least <= shader.bindings[i]!.bytes, `${shader.name}: binding ${i} is too small`);
  });
  const [entry] = seen.entry.compute;
  assert.is(seen.entry.compute.length, 1);
  assert.is(entry!.name, shader.entryPoint);
  const size = entry!.attributes.find((a) => a.name === 'workgroup_size')!.value;
  assert.is(Number(size), shader.workgroupSize);
};
