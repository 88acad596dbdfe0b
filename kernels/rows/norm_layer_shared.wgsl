// rows/norm_layer_shared: layer normalisation over the last axis, one workgroup per row; no subgroups, any number of
// columns.
// Contract of rows/norm_layer_naive.
//   forward   y = (x - mean) · rstd · weight + bias,   rstd = 1 / √(var + eps), var = mean of (x - mean)²
//   backward  dx = rstd · (g - mean g - x̂ · mean(g · x̂)),   g = dy · weight, x̂ = (x - mean) · rstd
// Shapes: x, y, dy, dx float[rows, cols]; weight, bias float[cols]; stats float[rows, 2] = mean, rstd. Dense. T is
// vec4<f32> and WIDTH 4 where cols is a multiple of 4. Grid: rows workgroups in a line. Accumulates in f32; the
// variance from differences to a pivot, the mean from f32 sums, whose error, the mean of the differences, is
// subtracted: otherwise a constant row of large numbers would give ±1.
// Traffic: 8 bytes per element forward, 12 backward: the first 4 · WG values of T (backward 2 · WG) stay in registers,
// only those behind are read again.
// Source: Ba et al. 2016.
// uses: lib/norm_layer_operands.wgsl, lib/shared_reduce.wgsl, lib/row_values.wgsl, lib/narrow_rows.wgsl, lib/narrowing.wgsl, lib/turns.wgsl

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
  var sums = (a + b) + (c + d);
  var i = lane + 4u * WG;
  for (var left = turns(i, size, WG); left > 0u; left--) {
    sums += x[begin + i];
    i += WG;
  }
  var pivot = shared_sum(across(sums), lane) / f32(params.cols);
  // Lanes past the end hold 0, which counts neither here nor below.
  if (lane < size) { a -= pivot; }
  if (lane + WG < size) { b -= pivot; }
  if (lane + 2u * WG < size) { c -= pivot; }
  if (lane + 3u * WG < size) { d -= pivot; }
  sums = (a + b) + (c + d);
  var squares = (a * a + b * b) + (c * c + d * d);
  i = lane + 4u * WG;
  for (var left = turns(i, size, WG); left > 0u; left--) {
    let v = x[begin + i] - pivot;
    sums += v;
    squares += v * v;
    i += WG;
  }
  let means = shared_pair(vec2f(across(sums), across(squares)), lane) / f32(params.cols);
  var off = means.x;
  var rstd = 1.0 / sqrt(max(means.y - off * off, 0.0) + params.eps);
  var k = 1.0;
  if (lane == 0u) {
    stats[2u * row] = pivot + off;
    stats[2u * row + 1u] = rstd;
  }
  if (overflows(means.y)) {
    let narrow = narrow_layer(begin, size);
    k = NARROW;
    pivot = narrow.x;
    off = 0.0;
    rstd = narrow.y;
    if (lane < size) { a = x[begin + lane] * k - pivot; }
    if (lane + WG < size) { b = x[begin + lane + WG] * k - pivot; }
    if (lane + 2u * WG < size) { c = x[begin + lane + 2u * WG] * k - pivot; }
    if (lane + 3u * WG < size) { d = x[begin + lane + 3u * WG] * k - pivot; }
    if (lane == 0u) {
      stats[2u * row] = narrow.x;
      stats[2u * row + 1u] = -narrow.y;
    }
  }
  if (lane < size) { y[begin + lane] = (a - off) * rstd * weight[lane] + bias[lane]; }
  if (lane + WG < size) { y[begin + lane + WG] = (b - off) * rstd * weight[lane + WG] + bias[lane + WG]; }
  if (lane + 2u * WG < size) {
    y[begin + lane + 2u * WG] = (c - off) * rstd * weight[lane + 2u * WG] + bias[lane + 2u * WG];
  }
  if (lane + 3u * WG < size) {
    y[begin + lane + 3u * WG] = (d - off) * rstd * weight[lane + 3u * WG] + bias[lane + 3u * WG];
  }
  i = lane + 4u * WG;
  for (var left = turns(i, size, WG); left > 0u; left--) {
    y[begin + i] = (x[begin + i] * k - pivot - off) * rstd * weight[i] + bias[i];
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
  let k = narrowing(stats_saved[2u * row + 1u]);
  let mean = stats_saved[2u * row];
  let rstd = abs(stats_saved[2u * row + 1u]);
  if (lane < size) { a = (a * k - mean) * rstd; }
  if (lane + WG < size) { b = (b * k - mean) * rstd; }
  var sums = ga + gb;
  var products = ga * a + gb * b;
  var i = lane + 2u * WG;
  for (var left = turns(i, size, WG); left > 0u; left--) {
    let g = dy[begin + i] * weight[i];
    sums += g;
    products += g * ((x[begin + i] * k - mean) * rstd);
    i += WG;
  }
  let means = shared_pair(vec2f(across(sums), across(products)), lane) / f32(params.cols);
  let plain = means.x;
  let along = means.y;
  if (lane < size) { dx[begin + lane] = rstd * (ga - plain - a * along) * k; }
  if (lane + WG < size) { dx[begin + lane + WG] = rstd * (gb - plain - b * along) * k; }
  i = lane + 2u * WG;
  for (var left = turns(i, size, WG); left > 0u; left--) {
    dx[begin + i] = rstd * (dy[begin + i] * weight[i] - plain - (x[begin + i] * k - mean) * rstd * along) * k;
    i += WG;
  }
}
