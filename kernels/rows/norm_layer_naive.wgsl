// rows/norm_layer_naive: layer normalisation over the last axis, one lane per row.
//   forward   y = (x - mean) · rstd · weight + bias,   rstd = 1 / √(var + eps), var = mean of (x - mean)²
//   backward  dx = rstd · (g - mean g - x̂ · mean(g · x̂)),   g = dy · weight, x̂ = (x - mean) · rstd
// Shapes: x, y, dy, dx float[rows, cols]; weight, bias float[cols]; stats float[rows, 2] = mean, rstd (of rows whose
// squares overflow as lib/narrowing.wgsl says). Dense.
// Grid: ceil(rows / WG) workgroups in a line. Accumulates in f32; the variance from differences to a pivot, the mean
// from f32 sums, whose error, the mean of the differences, is subtracted: otherwise a constant row of large numbers
// would give ±1.
// Traffic: 8 bytes per element forward, 12 backward (ideal); here three and two passes. Source: Ba et al. 2016.
// uses: lib/norm_layer_operands.wgsl, lib/row_values.wgsl, lib/narrow_rows.wgsl, lib/narrowing.wgsl

alias T = f32;
const WIDTH = 1u;

const WG = 64u;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = (wg.y * count.x + wg.x) * WG + lane;
  if (row >= params.rows) { return; }
  let begin = row * params.cols;
  var total = 0.0;
  for (var i = 0u; i < params.cols; i++) { total += x[begin + i]; }
  var pivot = total / f32(params.cols);
  var sums = 0.0;
  var squares = 0.0;
  for (var i = 0u; i < params.cols; i++) {
    let d = x[begin + i] - pivot;
    sums += d;
    squares += d * d;
  }
  var off = sums / f32(params.cols);
  var rstd = 1.0 / sqrt(max(squares / f32(params.cols) - off * off, 0.0) + params.eps);
  stats[2u * row] = pivot + off;
  stats[2u * row + 1u] = rstd;
  var k = 1.0;
  if (overflows(squares)) {
    let narrow = narrow_layer(begin, params.cols);
    k = NARROW;
    pivot = narrow.x;
    off = 0.0;
    rstd = narrow.y;
    stats[2u * row] = narrow.x;
    stats[2u * row + 1u] = -narrow.y;
  }
  for (var i = 0u; i < params.cols; i++) {
    y[begin + i] = (x[begin + i] * k - pivot - off) * rstd * weight[i] + bias[i];
  }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = (wg.y * count.x + wg.x) * WG + lane;
  if (row >= params.rows) { return; }
  let begin = row * params.cols;
  let k = narrowing(stats_saved[2u * row + 1u]);
  let mean = stats_saved[2u * row];
  let rstd = abs(stats_saved[2u * row + 1u]);
  var plain = 0.0;
  var along = 0.0;
  for (var i = 0u; i < params.cols; i++) {
    let g = dy[begin + i] * weight[i];
    plain += g;
    along += g * (x[begin + i] * k - mean) * rstd;
  }
  plain /= f32(params.cols);
  along /= f32(params.cols);
  for (var i = 0u; i < params.cols; i++) {
    dx[begin + i] = rstd * (dy[begin + i] * weight[i] - plain - (x[begin + i] * k - mean) * rstd * along) * k;
  }
}
