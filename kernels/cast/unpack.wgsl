// cast/unpack: packed weights to f32; lib/load_weight.wgsl describes the formats.
// Shapes: x u32 words of `size` elements, scales, zeros float[size / group], y float[size], dense. One lane eight
// elements: four words of halves, two of int8, one of int4. Grid: ceil(size / 8 / WG) workgroups in a line. Traffic: 4
// bytes per element and its packed ones.
// uses: lib/load_weight.wgsl

struct Params { size: u32, group: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<f32>;
@group(0) @binding(3) var<storage, read> zeros: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;

const FORMAT = F16; // tune: F16 BF16 INT8 INT4 INT4_ZEROS NF4
const WG = 64u;

@compute @workgroup_size(WG)
fn plain(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  for (var part = 0u; part < 2u; part++) {
    let four = 2u * i + part;
    if (four * 4u >= params.size) { return; }
    let words = vec2u(x[2u * four], x[2u * four + 1u]);
    if (FORMAT == F16) { y[four] = f16_four(words); } else { y[four] = bf16_four(words); }
  }
}

@compute @workgroup_size(WG)
fn scaled(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  if (i * 8u >= params.size) { return; }
  let g = i * 8u / params.group;
  for (var part = 0u; part < 2u; part++) {
    var levels: vec4f;
    if (FORMAT == INT8) {
      levels = int8_levels(x[2u * i + part]);
    } else if (FORMAT == NF4) {
      levels = nf4_levels(x[i], part);
    } else {
      levels = int4_levels(x[i], part) - 8.0;
    }
    y[2u * i + part] = levels * scales[g];
  }
}

@compute @workgroup_size(WG)
fn shifted(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  if (i * 8u >= params.size) { return; }
  let g = i * 8u / params.group;
  for (var part = 0u; part < 2u; part++) { y[2u * i + part] = (int4_levels(x[i], part) - zeros[g]) * scales[g]; }
}
