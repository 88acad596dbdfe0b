// elementwise/swiglu: the gated unit of LLaMA's MLP (Shazeer 2020, "GLU Variants Improve Transformer").
//   forward        y = silu(gate) · up
//   backward       dgate = dy · up · silu'(gate), dup = dy · silu(gate)
//   backward_gate, backward_up: one of the two, where the other is not needed
// Shapes: all float[size], dense, in vec4s; the last four may reach into the padding of the buffers.
// Grid: ceil(size / 4 / (WG · STEPS)) workgroups in a line. Traffic: 12 bytes per element forward, 20 backward.
// uses: lib/special_values.wgsl, lib/exponential.wgsl, lib/logarithm.wgsl, lib/activations.wgsl, lib/run.wgsl, lib/turns.wgsl

struct Params { vectors: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gate: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> up: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> dgate: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> dup: array<vec4<f32>>;

const WG = 64u;
const STEPS = 1u; // tune: 1u 4u 16u 64u

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let begin = run_begin(wg, count, lane);
  let end = run_end(begin, params.vectors);
  var i = begin;
  for (var left = turns(i, end, 8u); left > 0u; left--) {
    y[i] = silu4(gate[i]) * up[i];
    i += 8u;
  }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let begin = run_begin(wg, count, lane);
  let end = run_end(begin, params.vectors);
  var i = begin;
  for (var left = turns(i, end, 8u); left > 0u; left--) {
    let g = gate[i];
    let d = dy[i];
    let u = up[i];
    dgate[i] = d * u * silu_slope4(g);
    dup[i] = d * silu4(g);
    i += 8u;
  }
}

@compute @workgroup_size(WG)
fn backward_gate(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let begin = run_begin(wg, count, lane);
  let end = run_end(begin, params.vectors);
  var i = begin;
  for (var left = turns(i, end, 8u); left > 0u; left--) {
    dgate[i] = dy[i] * up[i] * silu_slope4(gate[i]);
    i += 8u;
  }
}

@compute @workgroup_size(WG)
fn backward_up(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let begin = run_begin(wg, count, lane);
  let end = run_end(begin, params.vectors);
  var i = begin;
  for (var left = turns(i, end, 8u); left > 0u; left--) {
    dup[i] = dy[i] * silu4(gate[i]);
    i += 8u;
  }
}
