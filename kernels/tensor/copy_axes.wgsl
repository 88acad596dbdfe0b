// tensor/copy_axes: tensor/copy_elements for a view of any number of axes: their sizes and strides are data, which
// params have no room for.
//   gather   y[i] = x[place(i)]        scatter  y[place(i)] = x[i]
// place(i) = Σ_k coordinate_k(i) · stride_k, coordinates in row-major order of the view.
// Shapes: walk u32[axes, 2], size and stride of each axis, the outermost first. Grid: one lane per element, 64 a
// workgroup, in a line. Traffic: 8 bytes per element, and walk, which the cache holds.

struct Params { size: u32, axes: u32, x_offset: u32, y_offset: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> walk: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;

const WG = 64u;

fn place(i: u32) -> u32 {
  var rest = i;
  var at = 0u;
  for (var k = params.axes; k > 0u; k--) {
    let axis = walk[k - 1u];
    at += rest % axis.x * axis.y;
    rest /= axis.x;
  }
  return at;
}

@compute @workgroup_size(WG)
fn gather(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  if (i < params.size) { y[params.y_offset + i] = x[params.x_offset + place(i)]; }
}

@compute @workgroup_size(WG)
fn scatter(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  if (i < params.size) { y[params.y_offset + place(i)] = x[params.x_offset + i]; }
}
