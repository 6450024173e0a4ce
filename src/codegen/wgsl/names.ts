/**
 * Names that WGSL, or the text of a function that comes along, means something by.
 *
 * Invariant: nothing of a kernel has one of them.
 */
import { Identifiers, type Naming } from '../text/names.ts';
import { isDeclared } from './library.ts';
import { bringRareFunctions } from './rare.ts';

/** Keywords, reserved words and address spaces of WGSL, then the types and functions that shaders here use. */
const TAKEN: ReadonlySet<string> = new Set(
  `alias break case const const_assert continue continuing default diagnostic discard else enable false fn for if let
  loop override requires return struct switch true var while
  NULL Self abstract active alignas alignof as asm asm_fragment async attribute auto await become cast catch class
  co_await co_return co_yield coherent column_major common compile compile_fragment concept const_cast consteval
  constexpr constinit crate debugger decltype delete demote demote_to_helper do dynamic_cast enum explicit export
  extends extern external fallthrough filter final finally friend from fxgroup get goto groupshared highp impl
  implements import inline instanceof interface layout lowp macro macro_rules match mediump meta mod module move mut
  mutable namespace new nil noexcept noinline nointerpolation non_coherent noncoherent noperspective null nullptr of
  operator package packoffset partial pass patch pixelfragment precise precision premerge priv protected pub public
  readonly ref regardless register reinterpret_cast require resource restrict self set shared sizeof smooth snorm
  static static_assert static_cast std subroutine super target template this thread_local throw trait try type typedef
  typeid typename typeof union unless unorm unsafe unsized use using varying virtual volatile wgsl where with writeonly
  yield function private read read_write storage uniform workgroup write
  f32 f16 i32 u32 bool vec2 vec3 vec4 vec2f vec2u vec3u vec4f vec4h vec4i vec4u array atomic bitcast select abs ceil
  clamp floor fma inverseSqrt max min round sign sqrt any all atomicAnd atomicLoad atomicOr pack2x16float
  unpack2x16float subgroupShuffleXor workgroupBarrier countLeadingZeros main args Args workgroup_id thread_id`.split(
    /\s+/,
  ),
);

/** For people, with all functions there are. */
export const ownNames: Naming = {
  own: true,
  identifiers: () => {
    bringRareFunctions();
    return new Identifiers((name) => TAKEN.has(name) || isDeclared(name));
  },
};
