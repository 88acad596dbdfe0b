// random/dropout: zeroes elements at random and scales the rest; the mask is drawn again for the gradient, nothing is
// kept.
//   forward   y = u ≥ p ? x · scale : 0, scale = 1 / (1 - p)        backward  the same on dy
// u is uniform from key (seed, step) and counter (element / 4, stream + key[2]). Shapes: x, y float[size], dense, in
// vec4s.
// Grid: ceil(size / 4 / (WG · STEPS)) workgroups in a line. Traffic: 8 bytes per element; the ten rounds cost more.
// uses: lib/random.wgsl, lib/run.wgsl, lib/turns.wgsl

struct Params { vectors: u32, stream: u32, p: f32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> key: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

const WG = 64u;
const STEPS = 1u; // tune: 1u 4u 16u 64u

@compute @workgroup_size(WG)
fn apply(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let begin = run_begin(wg, count, lane);
  let end = run_end(begin, params.vectors);
  var i = begin;
  for (var left = turns(i, end, 8u); left > 0u; left--) {
    let u = unit_floats(philox(vec2u(key[0], key[1]), i, params.stream + key[2]));
    y[i] = select(vec4(0.0), x[i] * params.scale, u >= vec4(params.p));
    i += 8u;
  }
}
