// rows/norm_rms_naive: root-mean-square normalisation over the last axis, one lane per row.
//   forward   y = x · rstd · weight,   rstd = 1 / √(mean x² + eps)
//   backward  dx = rstd · (g - x̂ · mean(g · x̂)),   g = dy · weight, x̂ = x · rstd
// Shapes: x, y, dy, dx float[rows, cols]; weight float[cols]; stats float[rows] = rstd (negative as
// lib/narrow_rows.wgsl says). Dense.
// Grid: ceil(rows / WG) workgroups in a line. Accumulates in f32.
// Traffic: 8 bytes per element forward, 12 backward (ideal); here two passes each. Source: Zhang & Sennrich 2019.
// uses: lib/norm_rms_operands.wgsl, lib/row_values.wgsl, lib/narrow_rows.wgsl, lib/narrowing.wgsl

alias T = f32;
const WIDTH = 1u;

const WG = 64u;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = (wg.y * count.x + wg.x) * WG + lane;
  if (row >= params.rows) { return; }
  let begin = row * params.cols;
  var squares = 0.0;
  for (var i = 0u; i < params.cols; i++) { squares += x[begin + i] * x[begin + i]; }
  var rstd = 1.0 / sqrt(squares / f32(params.cols) + params.eps);
  if (overflows(squares)) { rstd = -narrow_rms(begin, params.cols); }
  stats[row] = rstd;
  let k = narrowing(rstd);
  for (var i = 0u; i < params.cols; i++) { y[begin + i] = x[begin + i] * k * abs(rstd) * weight[i]; }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = (wg.y * count.x + wg.x) * WG + lane;
  if (row >= params.rows) { return; }
  let begin = row * params.cols;
  let k = narrowing(stats_saved[row]);
  let rstd = abs(stats_saved[row]);
  var along = 0.0;
  for (var i = 0u; i < params.cols; i++) { along += dy[begin + i] * weight[i] * (x[begin + i] * k); }
  along *= rstd * rstd / f32(params.cols);
  for (var i = 0u; i < params.cols; i++) {
    dx[begin + i] = rstd * (dy[begin + i] * weight[i] - x[begin + i] * k * along) * k;
  }
}
