// rows/norm_rms_shared: root-mean-square normalisation over the last axis, one workgroup per row; no subgroups, any
// number of columns. Contract of rows/norm_rms_naive.
//   forward   y = x · rstd · weight,   rstd = 1 / √(mean x² + eps)
//   backward  dx = rstd · (g - x̂ · mean(g · x̂)),   g = dy · weight, x̂ = x · rstd
// Shapes: x, y, dy, dx float[rows, cols]; weight float[cols]; stats float[rows] = rstd. Dense. T is vec4<f32> and WIDTH
// 4 where cols is a multiple of 4. Grid: rows workgroups in a line. Accumulates in f32.
// Traffic: 8 bytes per element forward, 12 backward: the first 4 · WG values of T (backward 2 · WG) stay in registers,
// only those behind are read again.
// Source: Zhang & Sennrich 2019.
// uses: lib/norm_rms_operands.wgsl, lib/shared_reduce.wgsl, lib/row_values.wgsl, lib/narrow_rows.wgsl, lib/narrowing.wgsl, lib/turns.wgsl

alias T = f32; // tune: f32 vec4<f32>
const WIDTH = 1u; // tune: 1u 4u
const WG = 64u; // tune: 32u 64u 128u 256u 512u

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = wg.y * count.x + wg.x;
  if (row >= params.rows) { return; }
  let size = params.cols / WIDTH;
  let begin = row * size;
  var a = T();
  var b = T();
  var c = T();
  var d = T();
  if (lane < size) { a = x[begin + lane]; }
  if (lane + WG < size) { b = x[begin + lane + WG]; }
  if (lane + 2u * WG < size) { c = x[begin + lane + 2u * WG]; }
  if (lane + 3u * WG < size) { d = x[begin + lane + 3u * WG]; }
  var squares = (a * a + b * b) + (c * c + d * d);
  var i = lane + 4u * WG;
  for (var left = turns(i, size, WG); left > 0u; left--) {
    squares += x[begin + i] * x[begin + i];
    i += WG;
  }
  let square = shared_sum(across(squares), lane) / f32(params.cols);
  var rstd = 1.0 / sqrt(square + params.eps);
  if (overflows(square)) { rstd = -narrow_rms(begin, size); }
  if (lane == 0u) { stats[row] = rstd; }
  let k = narrowing(rstd);
  rstd = abs(rstd);
  if (lane < size) { y[begin + lane] = a * k * rstd * weight[lane]; }
  if (lane + WG < size) { y[begin + lane + WG] = b * k * rstd * weight[lane + WG]; }
  if (lane + 2u * WG < size) { y[begin + lane + 2u * WG] = c * k * rstd * weight[lane + 2u * WG]; }
  if (lane + 3u * WG < size) { y[begin + lane + 3u * WG] = d * k * rstd * weight[lane + 3u * WG]; }
  i = lane + 4u * WG;
  for (var left = turns(i, size, WG); left > 0u; left--) {
    y[begin + i] = x[begin + i] * k * rstd * weight[i];
    i += WG;
  }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = wg.y * count.x + wg.x;
  if (row >= params.rows) { return; }
  let size = params.cols / WIDTH;
  let begin = row * size;
  var a = T();
  var b = T();
  var ga = T();
  var gb = T();
  if (lane < size) { a = x[begin + lane]; ga = dy[begin + lane] * weight[lane]; }
  if (lane + WG < size) { b = x[begin + lane + WG]; gb = dy[begin + lane + WG] * weight[lane + WG]; }
  // After the loads of the row, which would otherwise wait for these.
  let k = narrowing(stats_saved[row]);
  let rstd = abs(stats_saved[row]);
  a = a * k * rstd;
  b = b * k * rstd;
  var products = ga * a + gb * b;
  var i = lane + 2u * WG;
  for (var left = turns(i, size, WG); left > 0u; left--) {
    products += dy[begin + i] * weight[i] * (x[begin + i] * k * rstd);
    i += WG;
  }
  let along = shared_sum(across(products), lane) / f32(params.cols);
  if (lane < size) { dx[begin + lane] = rstd * (ga - a * along) * k; }
  if (lane + WG < size) { dx[begin + lane + WG] = rstd * (gb - b * along) * k; }
  i = lane + 2u * WG;
  for (var left = turns(i, size, WG); left > 0u; left--) {
    dx[begin + i] = rstd * (dy[begin + i] * weight[i] - x[begin + i] * k * rstd * along) * k;
    i += WG;
  }
}
