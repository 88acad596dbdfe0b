// rows/cross_entropy_naive: next-token loss of rows of logits, one lane per row; rows whose target is -100 are ignored.
//   forward   lse = log Σ exp x,   row_loss = w · (lse - x[target])
//   backward  dx = (exp(x - lse) - onehot(target)) · w · dy / Σ w
// w is 1 or row_weight[row], and 0 for ignored rows; totals = Σ row_loss / Σ w and 1 / Σ w, of rows/cross_entropy_mean.
// Shapes: x, dx float[rows, cols]; label i32[rows]; row_weight float[rows]; lse float[rows, 2] = max x, log Σ exp(x -
// max x); terms float[rows, 2] = row_loss, w; dy float[1]. Dense.
// The two parts of lse stay apart, since beside a great maximum their sum loses the second. A target of -100 ignores
// its row; any other that is no class gives NaN, and nothing is read for it. A row of -∞ alone counts as equal scores.
// Grid: ceil(rows / WG) workgroups in a line. Accumulates in f32. Traffic: 4 bytes per element forward, 8 backward
// (ideal).
// uses: lib/special_values.wgsl, lib/cross_entropy_row.wgsl

struct Params { rows: u32, cols: u32, weighted: u32 }

alias T = f32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> label: array<i32>;
@group(0) @binding(3) var<storage, read> row_weight: array<f32>;
@group(0) @binding(4) var<storage, read_write> lse: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read_write> terms: array<f32>;
@group(0) @binding(6) var<storage, read> lse_saved: array<vec2<f32>>;
@group(0) @binding(7) var<storage, read> terms_saved: array<f32>;
@group(0) @binding(8) var<storage, read> totals: array<f32>;
@group(0) @binding(9) var<storage, read> dy: array<f32>;
@group(0) @binding(10) var<storage, read_write> dx: array<f32>;

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
  let log_sum = log_sum_of(top, total);
  lse[row] = log_sum;
  let chosen = label[row];
  let w = weight_of(row, chosen);
  terms[2u * row] = row_loss(w, chosen, x[begin + class_of(chosen)], log_sum);
  terms[2u * row + 1u] = w;
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = (wg.y * count.x + wg.x) * WG + lane;
  if (row >= params.rows) { return; }
  let begin = row * params.cols;
  let scale = select(terms_saved[2u * row + 1u], lse_saved[row].y, label[row] != IGNORED && is_nan(lse_saved[row].y))
    * totals[1] * dy[0];
  for (var i = 0u; i < params.cols; i++) {
    var p = exp(below_top(x[begin + i], lse_saved[row]) - lse_saved[row].y);
    if (i32(i) == label[row]) { p -= 1.0; }
    dx[begin + i] = select(p * scale, 0.0, scale == 0.0);
  }
}
