// cast/convert: between 32-bit types; to bool gives 0 or 1.
//   convert  y = TO(x)
//   cut      y = x towards 0, the nearest number that TO has, 0 for NaN: WGSL's own conversion ends at the last f32 in
//            TO's range and leaves NaN open
//   truth    y = x ≠ 0, which NaN is
// Shapes: x, y [size], dense, in vec4s; the last four may reach into the padding. Grid: ceil(size / 4 / WG) workgroups
// in a line. Traffic: 8 bytes per element.

struct Params { vectors: u32 }

alias FROM = f32; // tune: f32 i32 u32
alias TO = f32; // tune: f32 i32 u32
const LEAST = -0x1p+31f; // tune: -0x1p+31f 0.0
const BEYOND = 0x1p+31f; // tune: 0x1p+31f 0x1p+32f

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
fn cut(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  if (i >= params.vectors) { return; }
  let v = vec4f(x[i]);
  var most = select(0xffffffffu, 0x7fffffffu, LEAST < 0.0);
  let is_nan = (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
  let inside = vec4<TO>(select(max(v, vec4f(LEAST)), vec4f(), is_nan));
  y[i] = select(inside, bitcast<vec4<TO>>(vec4u(most)), !is_nan & (v >= vec4f(BEYOND)));
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
