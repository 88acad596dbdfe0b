enable subgroups;
// norm/rms_subgroup: root-mean-square normalisation over the last axis, one subgroup for ROWS rows, which share what they read of weight, four
// neighbouring columns a lane. Contract of norm/rms_naive, for cols a multiple of 4.
//   forward   y = x · rstd · weight,   rstd = 1 / √(mean x² + eps)
//   backward  dx = rstd · (g - x̂ · mean(g · x̂)),   g = dy · weight, x̂ = x · rstd
// Shapes: x, y, dy, dx float[rows, cols]; weight float[cols]; stats float[rows] = rstd. Dense.
// Grid: ceil(rows / (WG / SG · ROWS)) workgroups in a line. Accumulates in f32. No barrier: a row stays in the nearest cache between its passes.
// Traffic: 8 bytes an element forward, 12 backward (ideal). Source: Zhang & Sennrich 2019.
// uses: lib/subgroup_reduce.wgsl

struct Params { rows: u32, cols: u32, eps: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> stats: array<f32>;
@group(0) @binding(5) var<storage, read> stats_saved: array<f32>;
@group(0) @binding(6) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> dx: array<vec4<f32>>;

const SG = 8u; // tune: 4u 8u 16u 32u 64u
const WG = 64u; // tune: 64u 128u 256u
const ROWS = 1u; // tune: 1u 2u
alias Fours = array<vec4f, ROWS>;

fn first_row(wg: vec3u, count: vec3u, index: u32) -> u32 { return ((wg.y * count.x + wg.x) * (WG / SG) + index / SG) * ROWS; }

// ROWS divides the number of rows. Rows past the end are computed again as the last one and not stored, so that control flow stays uniform in a subgroup.
fn at(row: u32) -> u32 { return min(row, params.rows - 1u); }

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) index: u32) {
  let first = first_row(wg, count, index);
  let quads = params.cols / 4u;
  var begin: array<u32, ROWS>;
  for (var r = 0u; r < ROWS; r++) { begin[r] = at(first + r) * quads; }
  var squares: Fours;
  for (var i = index % SG; i < quads; i += SG) {
    var v: Fours;
    for (var r = 0u; r < ROWS; r++) { v[r] = x[begin[r] + i]; }
    for (var r = 0u; r < ROWS; r++) { squares[r] += v[r] * v[r]; }
  }
  var rstd: array<f32, ROWS>;
  for (var r = 0u; r < ROWS; r++) {
    rstd[r] = 1.0 / sqrt(subgroup_sum(dot(squares[r], vec4f(1.0))) / f32(params.cols) + params.eps);
    if (first < params.rows && index % SG == 0u) { stats[first + r] = rstd[r]; }
  }
  if (first < params.rows) {
    for (var i = index % SG; i < quads; i += SG) {
      var v: Fours;
      let scale = weight[i];
      for (var r = 0u; r < ROWS; r++) { v[r] = x[begin[r] + i]; }
      for (var r = 0u; r < ROWS; r++) { y[begin[r] + i] = v[r] * rstd[r] * scale; }
    }
  }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) index: u32) {
  let first = first_row(wg, count, index);
  let quads = params.cols / 4u;
  var begin: array<u32, ROWS>;
  for (var r = 0u; r < ROWS; r++) { begin[r] = at(first + r) * quads; }
  var along_sum: Fours;
  for (var i = index % SG; i < quads; i += SG) {
    var v: Fours;
    var g: Fours;
    let scale = weight[i];
    for (var r = 0u; r < ROWS; r++) {
      v[r] = x[begin[r] + i];
      g[r] = dy[begin[r] + i];
    }
    for (var r = 0u; r < ROWS; r++) { along_sum[r] += g[r] * scale * v[r]; }
  }
  var rstd: array<f32, ROWS>;
  var along: array<f32, ROWS>;
  for (var r = 0u; r < ROWS; r++) {
    rstd[r] = stats_saved[at(first + r)];
    along[r] = subgroup_sum(dot(along_sum[r], vec4f(1.0))) * rstd[r] * rstd[r] / f32(params.cols);
  }
  if (first < params.rows) {
    for (var i = index % SG; i < quads; i += SG) {
      var v: Fours;
      var g: Fours;
      let scale = weight[i];
      for (var r = 0u; r < ROWS; r++) {
        v[r] = x[begin[r] + i];
        g[r] = dy[begin[r] + i];
      }
      for (var r = 0u; r < ROWS; r++) { dx[begin[r] + i] = rstd[r] * (g[r] * scale - v[r] * along[r]); }
    }
  }
}
