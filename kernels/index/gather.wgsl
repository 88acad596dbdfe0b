// index/gather: gathers and scatter-adds along a middle axis. An index out of range picks 0 and adds nothing.
//   gather  y[o, j, c] = x[o, index[o, j, c], c]
//   add     y[o, index[o, j, c], c] += x[o, j, c], for j in order: one lane owns a column, so there is no race and no
//           atomic
// Shapes: gather: x [outer, rows, cols], index, y [outer, picks, cols]; add: y [outer, rows, cols], index, x [outer,
// picks, cols]; dense.
// Grid: gather one lane per element, add one lane per column; ceil(… / WG) workgroups in a line. Traffic: 12 bytes a
// picked element, 16 an added one.

struct Params { outer: u32, rows: u32, cols: u32, picks: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> index: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

const WG = 64u;

@compute @workgroup_size(WG)
fn gather(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let item = (wg.y * count.x + wg.x) * WG + lane;
  if (item >= params.outer * params.picks * params.cols) { return; }
  let line = item / params.cols;
  let o = line / params.picks;
  let row = index[item];
  var value = 0.0;
  if (row < params.rows) { value = x[(o * params.rows + row) * params.cols + (item - line * params.cols)]; }
  y[item] = value;
}

@compute @workgroup_size(WG)
fn add(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let item = (wg.y * count.x + wg.x) * WG + lane;
  if (item >= params.outer * params.cols) { return; }
  let o = item / params.cols;
  let col = item - o * params.cols;
  var j = 0u;
  for (var left = params.picks; left > 0u; left--) {
    let i = (o * params.picks + j) * params.cols + col;
    let row = index[i];
    if (row < params.rows) { y[(o * params.rows + row) * params.cols + col] += x[i]; }
    j++;
  }
}
