// rows/softmax_naive: over the last axis, one lane per row.
//   forward   y = exp(x - max x) / Σ exp(x - max x)
//   backward  dx = y · (dy - Σ y·dy)
// Shapes: x, y, dy, dx float[rows, cols], dense. Grid: ceil(rows / WG) workgroups in a line. Accumulates in f32.
// Traffic: 8 bytes per element forward, 12 backward (ideal); here three passes over x. A row of -∞ alone gives 1/n.
// uses: lib/special_values.wgsl

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read> y_saved: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

const WG = 64u;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = (wg.y * count.x + wg.x) * WG + lane;
  if (row >= params.rows) { return; }
  let begin = row * params.cols;
  let end = begin + params.cols;
  var top = LEAST;
  for (var i = begin; i < end; i++) { top = max(top, x[i]); }
  var total = 0.0;
  for (var i = begin; i < end; i++) { total += exp_of(x[i] - top); }
  let scale = select(1.0 / total, 0.0, total == 0.0);
  let level = select(0.0, 1.0 / f32(params.cols), total == 0.0);
  for (var i = begin; i < end; i++) { y[i] = exp(x[i] - top) * scale + level; }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = (wg.y * count.x + wg.x) * WG + lane;
  if (row >= params.rows) { return; }
  let begin = row * params.cols;
  let end = begin + params.cols;
  var dot = 0.0;
  for (var i = begin; i < end; i++) { dot += y_saved[i] * dy[i]; }
  for (var i = begin; i < end; i++) { dx[i] = y_saved[i] * (dy[i] - dot); }
}
