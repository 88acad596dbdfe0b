// cross_entropy/naive: next-token loss of rows of logits, one lane a row; rows whose target is negative (-100) are ignored.
//   forward   lse = log Σ exp x,   row_loss = w · (lse - x[target])
//   backward  dx = (exp(x - lse) - onehot(target)) · w · dy / Σ w
// w is 1 or row_weight[row], and 0 for ignored rows; totals = Σ row_loss / Σ w and 1 / Σ w, of cross_entropy/mean.
// Shapes: x, dx float[rows, cols]; label i32[rows]; row_weight, lse float[rows]; terms float[rows, 2] = row_loss, w; dy float[1]. Dense.
// Grid: ceil(rows / WG) workgroups in a line. Accumulates in f32. Traffic: 4 bytes an element forward, 8 backward (ideal).

struct Params { rows: u32, cols: u32, weighted: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> label: array<i32>;
@group(0) @binding(3) var<storage, read> row_weight: array<f32>;
@group(0) @binding(4) var<storage, read_write> lse: array<f32>;
@group(0) @binding(5) var<storage, read_write> terms: array<f32>;
@group(0) @binding(6) var<storage, read> lse_saved: array<f32>;
@group(0) @binding(7) var<storage, read> terms_saved: array<f32>;
@group(0) @binding(8) var<storage, read> totals: array<f32>;
@group(0) @binding(9) var<storage, read> dy: array<f32>;
@group(0) @binding(10) var<storage, read_write> dx: array<f32>;

const WG = 64u;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (wg.y * count.x + wg.x) * WG + lane;
  if (row >= params.rows) { return; }
  let begin = row * params.cols;
  let end = begin + params.cols;
  var top = -3.4e38;
  for (var i = begin; i < end; i++) { top = max(top, x[i]); }
  var total = 0.0;
  for (var i = begin; i < end; i++) { total += exp(x[i] - top); }
  let log_sum = top + log(total);
  lse[row] = log_sum;
  var w = 0.0;
  var loss = 0.0;
  if (label[row] >= 0) {
    w = 1.0;
    if (params.weighted == 1u) { w = row_weight[row]; }
    loss = w * (log_sum - x[begin + u32(label[row])]);
  }
  terms[2u * row] = loss;
  terms[2u * row + 1u] = w;
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (wg.y * count.x + wg.x) * WG + lane;
  if (row >= params.rows) { return; }
  let begin = row * params.cols;
  let scale = terms_saved[2u * row + 1u] * totals[1] * dy[0];
  for (var i = 0u; i < params.cols; i++) {
    var p = exp(x[begin + i] - lse_saved[row]);
    if (i32(i) == label[row]) { p -= 1.0; }
    dx[begin + i] = select(p * scale, 0.0, scale == 0.0);
  }
}
