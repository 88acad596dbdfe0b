// random/fill: tensors of random numbers from key (seed, step) and counter (element / 4, stream + key[2]).
//   uniform  y = low + (high - low) · u            normal  y = low + high · z, by Box and Muller from the word pairs
//            (0, 1) and (2, 3)
//   words    y = the bits themselves
// Shapes: y [size], dense, in vec4s. Grid: four elements per lane, ceil(size / 4 / WG) workgroups in a line. Traffic: 4
// bytes per element.
// uses: lib/random.wgsl

struct Params { vectors: u32, stream: u32, low: f32, high: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> key: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<u32>>;

const WG = 64u;

@compute @workgroup_size(WG)
fn words(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  if (i < params.vectors) { y[i] = philox(vec2u(key[0], key[1]), i, params.stream + key[2]); }
}

@compute @workgroup_size(WG)
fn uniform_floats(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  if (i >= params.vectors) { return; }
  let u = unit_floats(philox(vec2u(key[0], key[1]), i, params.stream + key[2]));
  y[i] = bitcast<vec4u>(params.low + (params.high - params.low) * u);
}

@compute @workgroup_size(WG)
fn normal_floats(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  if (i >= params.vectors) { return; }
  let u = unit_floats(philox(vec2u(key[0], key[1]), i, params.stream + key[2]));
  let radius = sqrt(-2.0 * log(1.0 - u.xz));
  let angle = 6.2831853 * u.yw;
  let z = vec4f(radius.x * cos(angle.x), radius.x * sin(angle.x), radius.y * cos(angle.y), radius.y * sin(angle.y));
  y[i] = bitcast<vec4u>(params.low + params.high * z);
}
