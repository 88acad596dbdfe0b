// reduce/cumulative: running sums along a middle axis.
//   forward   y[o, k, c] = Σ_{j ≤ k} x[o, j, c]        backward  y[o, k, c] = Σ_{j ≥ k} x[o, j, c]   (x is dy, y is dx)
// Shapes: x, y float[outer, rows, cols], dense. Grid: one lane a column, ceil(outer · cols / WG) workgroups in a line.
// Accumulates in f32, in order. Traffic: 8 bytes an element.

struct Params { outer: u32, rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

const WG = 64u;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let item = (wg.y * count.x + wg.x) * WG + lane;
  if (item >= params.outer * params.cols) { return; }
  let o = item / params.cols;
  var i = o * params.rows * params.cols + (item - o * params.cols);
  var total = 0.0;
  for (var k = 0u; k < params.rows; k++) {
    total += x[i];
    y[i] = total;
    i += params.cols;
  }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let item = (wg.y * count.x + wg.x) * WG + lane;
  if (item >= params.outer * params.cols) { return; }
  let o = item / params.cols;
  let first = o * params.rows * params.cols + (item - o * params.cols);
  var total = 0.0;
  for (var k = params.rows; k > 0u; k--) {
    let i = first + (k - 1u) * params.cols;
    total += x[i];
    y[i] = total;
  }
}
