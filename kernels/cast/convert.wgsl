// cast/convert: between 32-bit types; float to integers truncates, to bool gives 0 or 1.
//   y = TO(x), or y = x ≠ 0, which NaN is
// Shapes: x, y [size], dense, in vec4s; the last four may reach into the padding. Grid: ceil(size / 4 / WG) workgroups
// in a line. Traffic: 8 bytes per element.

struct Params { vectors: u32 }

alias FROM = f32; // tune: f32 i32 u32
alias TO = f32; // tune: f32 i32 u32

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<FROM>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<TO>>;

const WG = 64u;

@compute @workgroup_size(WG)
fn convert(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  if (i < params.vectors) { y[i] = vec4<TO>(x[i]); }
}

@compute @workgroup_size(WG)
fn truth(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  if (i < params.vectors) { y[i] = select(vec4<TO>(TO(1)), vec4<TO>(), is_zero(x[i])); }
}

// Decided by bits: zero for either sign of 0, nonzero for NaN.
fn is_zero(v: vec4<FROM>) -> vec4<bool> {
  let bits = bitcast<vec4<u32>>(v);
  return (bits == vec4<u32>()) | ((bits == vec4<u32>(0x80000000u)) & (v == vec4<FROM>()));
}
