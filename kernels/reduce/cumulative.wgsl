// reduce/cumulative: running sums along a middle axis.
//   forward   y[o, k, c] = Σ_{j ≤ k} x[o, j, c]        backward  y[o, k, c] = Σ_{j ≥ k} x[o, j, c]   (x is dy, y is dx)
// Shapes: x, y float[outer, rows, cols], dense. Grid: one lane per column, ceil(outer · cols / WG) workgroups in a
// line.
// Accumulates in f32: the blocks before, and the running sum of this one. Traffic: 8 bytes per element.
// uses: lib/block_sum.wgsl

struct Params { outer: u32, rows: u32, cols: u32 }

alias T = f32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

const WG = 64u;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let item = (wg.y * count.x + wg.x) * WG + lane;
  if (item >= params.outer * params.cols) { return; }
  let o = item / params.cols;
  var i = o * params.rows * params.cols + (item - o * params.cols);
  var before = Blocks();
  for (var k = 0u; k < params.rows;) {
    let base = sum_of(before);
    let stop = min(k + BLOCK, params.rows);
    var part = 0.0;
    for (; k < stop; k++) {
      part += x[i];
      y[i] = base + part;
      i += params.cols;
    }
    before = add_block(before, part);
  }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let item = (wg.y * count.x + wg.x) * WG + lane;
  if (item >= params.outer * params.cols) { return; }
  let o = item / params.cols;
  let first = o * params.rows * params.cols + (item - o * params.cols);
  var behind = Blocks();
  for (var k = params.rows; k > 0u;) {
    let base = sum_of(behind);
    let stop = max(k, BLOCK) - BLOCK;
    var part = 0.0;
    for (; k > stop; k--) {
      let i = first + (k - 1u) * params.cols;
      part += x[i];
      y[i] = base + part;
    }
    behind = add_block(behind, part);
  }
}
