// matmul/halves: y = x rounded to f16, two a word, for products on matrix units that read each element many times: half
// the traffic, one conversion.
// The rounding is the driver's, as in matmul/subgroup_matrix itself; cast/halves rounds the same everywhere and takes
// longer.
// Shapes: x float[size], y u32[size / 2], dense, size a multiple of 8.
// Grid: eight elements per lane, ceil(size / 8 / WG) workgroups in a line. Traffic: 6 bytes per element.

struct Params { size: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4u>;

const WG = 256u;

@compute @workgroup_size(WG)
fn pack(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  if (i * 8u >= params.size) { return; }
  let low = x[2u * i];
  let high = x[2u * i + 1u];
  y[i] = vec4u(pack2x16float(low.xy), pack2x16float(low.zw), pack2x16float(high.xy), pack2x16float(high.zw));
}
