// rows/log_softmax_shared: over the last axis, one workgroup per row; no subgroups, any number of columns. Contract of
// rows/log_softmax_naive.
//   forward   y = x - max x - log Σ exp(x - max x)
//   backward  dx = dy - exp(y) · Σ dy
// Shapes: x, y, dy, dx float[rows, cols], dense. T is vec4<f32> and WIDTH 4 where cols is a multiple of 4. Grid: rows
// workgroups in a line.
// Accumulates in f32. Traffic: 8 bytes per element forward, 12 backward: the first 4 · WG values of T stay in
// registers, only those behind are read again. A row of -∞ alone gives -ln n.
// uses: lib/row_start.wgsl, lib/shared_reduce.wgsl, lib/row_values.wgsl, lib/row_exponentials.wgsl, lib/special_values.wgsl, lib/turns.wgsl

struct Params { rows: u32, cols: u32 }

alias T = f32; // tune: f32 vec4<f32>
const WIDTH = 1u; // tune: 1u 4u
const WG = 64u; // tune: 32u 64u 128u 256u 512u

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;
@group(0) @binding(3) var<storage, read> y_saved: array<T>;
@group(0) @binding(4) var<storage, read> dy: array<T>;
@group(0) @binding(5) var<storage, read_write> dx: array<T>;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = wg.y * count.x + wg.x;
  if (row >= params.rows) { return; }
  let size = params.cols / WIDTH;
  let at = row * size + lane;
  let end = row * size + size;
  let start = row_start(at, end, lane);
  let top = start.top;
  let a = start.a - top;
  let b = start.b - top;
  let c = start.c - top;
  let d = start.d - top;
  var total = 0.0;
  if (at < end) { total += across_exp(a); }
  if (at + WG < end) { total += across_exp(b); }
  if (at + 2u * WG < end) { total += across_exp(c); }
  if (at + 3u * WG < end) { total += across_exp(d); }
  var i = at + 4u * WG;
  for (var left = turns(i, end, WG); left > 0u; left--) {
    total += across_exp(x[i] - top);
    i += WG;
  }
  total = shared_sum(total, lane);
  let hidden = total == 0.0;
  let log_total = log_of(select(total, f32(params.cols), hidden));
  if (at < end) { y[at] = select(a, T(), hidden) - log_total; }
  if (at + WG < end) { y[at + WG] = select(b, T(), hidden) - log_total; }
  if (at + 2u * WG < end) { y[at + 2u * WG] = select(c, T(), hidden) - log_total; }
  if (at + 3u * WG < end) { y[at + 3u * WG] = select(d, T(), hidden) - log_total; }
  i = at + 4u * WG;
  for (var left = turns(i, end, WG); left > 0u; left--) {
    y[i] = select(x[i] - top, T(), hidden) - log_total;
    i += WG;
  }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = wg.y * count.x + wg.x;
  if (row >= params.rows) { return; }
  let size = params.cols / WIDTH;
  let at = row * size + lane;
  let end = row * size + size;
  var a = T();
  var b = T();
  var c = T();
  var d = T();
  var da = T();
  var db = T();
  var dc = T();
  var dd = T();
  if (at < end) { a = y_saved[at]; da = dy[at]; }
  if (at + WG < end) { b = y_saved[at + WG]; db = dy[at + WG]; }
  if (at + 2u * WG < end) { c = y_saved[at + 2u * WG]; dc = dy[at + 2u * WG]; }
  if (at + 3u * WG < end) { d = y_saved[at + 3u * WG]; dd = dy[at + 3u * WG]; }
  var sums = (da + db) + (dc + dd);
  var i = at + 4u * WG;
  for (var left = turns(i, end, WG); left > 0u; left--) {
    sums += dy[i];
    i += WG;
  }
  // A NaN makes all of its row NaN, which exp of some drivers drops.
  let is_lost = is_nan(vec4f(y_saved[row * size]).x);
  let total = select(shared_sum(across(sums), lane), quiet_nan(), is_lost);
  if (at < end) { dx[at] = da - exp(a) * total; }
  if (at + WG < end) { dx[at + WG] = db - exp(b) * total; }
  if (at + 2u * WG < end) { dx[at + 2u * WG] = dc - exp(c) * total; }
  if (at + 3u * WG < end) { dx[at + 3u * WG] = dd - exp(d) * total; }
  i = at + 4u * WG;
  for (var left = turns(i, end, WG); left > 0u; left--) {
    dx[i] = dy[i] - exp(y_saved[i]) * total;
    i += WG;
  }
}
