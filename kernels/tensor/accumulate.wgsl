// accumulate: sums of gradients.
//   add_to  y[i] += x[i]        add  y[i] = a[i] + x[i]        assign  y[i] = x[i]
// Shapes: all float[size], dense; in vec4s where size and offsets (then in vec4s too) allow.
// Grid: ceil(items / (WG · STEPS)) workgroups in a line. Traffic: 12 bytes per element (8 for assign).
// uses: lib/run.wgsl, lib/turns.wgsl

alias T = vec4<f32>; // tune: f32 vec4<f32>

struct Params { items: u32, x_offset: u32, a_offset: u32, y_offset: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read> a: array<T>;
@group(0) @binding(3) var<storage, read_write> y: array<T>;

const WG = 64u;
const STEPS = 1u; // tune: 1u 4u 16u 64u

@compute @workgroup_size(WG)
fn add_to(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let begin = run_begin(wg, count, lane);
  let end = run_end(begin, params.items);
  var i = begin;
  for (var left = turns(i, end, 8u); left > 0u; left--) {
    y[params.y_offset + i] += x[params.x_offset + i];
    i += 8u;
  }
}

@compute @workgroup_size(WG)
fn add(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let begin = run_begin(wg, count, lane);
  let end = run_end(begin, params.items);
  var i = begin;
  for (var left = turns(i, end, 8u); left > 0u; left--) {
    y[params.y_offset + i] = a[params.a_offset + i] + x[params.x_offset + i];
    i += 8u;
  }
}

@compute @workgroup_size(WG)
fn assign(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let begin = run_begin(wg, count, lane);
  let end = run_end(begin, params.items);
  var i = begin;
  for (var left = turns(i, end, 8u); left > 0u; left--) {
    y[params.y_offset + i] = x[params.x_offset + i];
    i += 8u;
  }
}
