// tensor/copy_elements: between a dense tensor and a strided view of up to 6 axes; 32-bit elements of any kind.
//   gather   y[i] = x[place(i)]        scatter  y[place(i)] = x[i]
// place(i) = Σ_k coordinate_k(i) · stride_k, coordinates in row-major order of the view.
// inner_k is the number of elements that one step of axis k spans. Grid: one lane per element, 64 a workgroup, in a
// line.
// Traffic: 8 bytes per element. Five divisions an element make it slow on a software adapter: tensor/copy_rows is for
// last axes of some length.

struct Params {
  size: u32, x_offset: u32, y_offset: u32,
  stride0: u32, stride1: u32, stride2: u32, stride3: u32, stride4: u32, stride5: u32,
  inner0: u32, inner1: u32, inner2: u32, inner3: u32, inner4: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

const WG = 64u;

fn place(i: u32) -> u32 {
  var rest = i;
  let c0 = rest / params.inner0;
  rest -= c0 * params.inner0;
  let c1 = rest / params.inner1;
  rest -= c1 * params.inner1;
  let c2 = rest / params.inner2;
  rest -= c2 * params.inner2;
  let c3 = rest / params.inner3;
  rest -= c3 * params.inner3;
  let c4 = rest / params.inner4;
  rest -= c4 * params.inner4;
  return c0 * params.stride0 + c1 * params.stride1 + c2 * params.stride2 + c3 * params.stride3 + c4 * params.stride4
    + rest * params.stride5;
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
