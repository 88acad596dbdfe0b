// accumulate: sums of gradients.
//   add_to  y[i] += x[i]        add  y[i] = a[i] + x[i]        assign  y[i] = x[i]
// Shapes: all float[size], dense. Grid: one lane for 4 neighbours, ceil(size / 256) workgroups in a line.
// Traffic: 12 bytes an element (8 for set). Neighbours of one lane are 1 apart: a subgroup walks contiguous memory.

struct Params { size: u32, x_offset: u32, a_offset: u32, y_offset: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> a: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

const WG = 64u;

fn first(wg: vec3u, count: vec3u, lane: u32) -> u32 {
  return ((wg.y * count.x + wg.x) * WG + lane) * 4u;
}

@compute @workgroup_size(WG)
fn add_to(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let begin = first(wg, count, lane);
  for (var i = begin; i < min(begin + 4u, params.size); i++) {
    y[params.y_offset + i] += x[params.x_offset + i];
  }
}

@compute @workgroup_size(WG)
fn add(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let begin = first(wg, count, lane);
  for (var i = begin; i < min(begin + 4u, params.size); i++) {
    y[params.y_offset + i] = a[params.a_offset + i] + x[params.x_offset + i];
  }
}

@compute @workgroup_size(WG)
fn assign(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let begin = first(wg, count, lane);
  for (var i = begin; i < min(begin + 4u, params.size); i++) {
    y[params.y_offset + i] = x[params.x_offset + i];
  }
}
