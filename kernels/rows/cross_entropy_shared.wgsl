// rows/cross_entropy_shared: next-token loss of rows of logits, one workgroup per row; no subgroups, any number of
// classes.
// Contract of rows/cross_entropy_naive.
//   forward   lse = log Σ exp x,   row_loss = w · (lse - x[target])
//   backward  dx = (exp(x - lse) - onehot(target)) · w · dy / Σ w
// Shapes: x, dx float[rows, cols]; label i32[rows]; row_weight float[rows]; lse float[rows, 2] = max x, log Σ exp(x -
// max x); terms float[rows, 2] = row_loss, w; dy float[1]. Dense.
// The two parts of lse stay apart, since beside a great maximum their sum loses the second. A target of -100 ignores
// its row; any other that is no class gives NaN, and nothing is read for it. A row of -∞ alone counts as equal scores.
// T is vec4<f32> and WIDTH 4 where cols is a multiple of 4. Grid: rows workgroups in a line. Accumulates in f32, the
// largest and the sum in one pass.
// Ignored rows are not read: forward gives 0, backward writes 0. Traffic: 4 bytes per element forward, 8 backward.
// uses: lib/shared_reduce.wgsl, lib/row_values.wgsl, lib/row_exponentials.wgsl, lib/special_values.wgsl, lib/cross_entropy_row.wgsl, lib/turns.wgsl

struct Params { rows: u32, cols: u32, weighted: u32 }

alias T = f32; // tune: f32 vec4<f32>
const WIDTH = 1u; // tune: 1u 4u
const PLACES = 0.0; // tune: 0.0 vec4f(0.0,1.0,2.0,3.0)
const WG = 64u; // tune: 32u 64u 128u 256u 512u

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read> label: array<i32>;
@group(0) @binding(3) var<storage, read> row_weight: array<f32>;
@group(0) @binding(4) var<storage, read_write> lse: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read_write> terms: array<f32>;
@group(0) @binding(6) var<storage, read> lse_saved: array<vec2<f32>>;
@group(0) @binding(7) var<storage, read> terms_saved: array<f32>;
@group(0) @binding(8) var<storage, read> totals: array<f32>;
@group(0) @binding(9) var<storage, read> dy: array<f32>;
@group(0) @binding(10) var<storage, read_write> dx: array<T>;

// An ignored row visits no columns. A label is not a uniform value, so the barriers are outside the code that depends
// on it.
@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = wg.y * count.x + wg.x;
  if (row >= params.rows) { return; }
  let chosen = label[row];
  let size = params.cols / WIDTH;
  let begin = row * size;
  let end = begin + select(0u, size, is_class(chosen));
  var top = LEAST;
  var total = 0.0;
  var i = begin + lane;
  for (var left = turns(i + 3u * WG, end, 4u * WG); left > 0u; left--) {
    let a = x[i];
    let b = x[i + WG];
    let c = x[i + 2u * WG];
    let d = x[i + 3u * WG];
    let higher = max(top, greatest(max(max(a, b), max(c, d))));
    total = total * exp(top - higher) + ((across_exp(a - higher) + across_exp(b - higher))
      + (across_exp(c - higher) + across_exp(d - higher)));
    top = higher;
    i += 4u * WG;
  }
  for (var left = turns(i, end, WG); left > 0u; left--) {
    let a = x[i];
    let higher = max(top, greatest(a));
    total = total * exp(top - higher) + across_exp(a - higher);
    top = higher;
    i += WG;
  }
  let all_top = shared_max(top, lane);
  let log_sum = log_sum_of(all_top, shared_sum(total * exp(top - all_top), lane));
  let at = class_of(chosen);
  if (lane == 0u) {
    let w = weight_of(row, chosen);
    lse[row] = select(vec2f(), log_sum, is_class(chosen));
    terms[2u * row] = row_loss(w, chosen, vec4f(x[begin + at / WIDTH])[at % WIDTH], log_sum);
    terms[2u * row + 1u] = w;
  }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = wg.y * count.x + wg.x;
  if (row >= params.rows) { return; }
  let size = params.cols / WIDTH;
  let begin = row * size;
  let end = begin + size;
  let scale = select(terms_saved[2u * row + 1u], lse_saved[row].y, is_nan(lse_saved[row].y)) * totals[1] * dy[0];
  if (scale == 0.0) {
    var i = begin + lane;
    for (var left = turns(i, end, WG); left > 0u; left--) {
      dx[i] = T();
      i += WG;
    }
    return;
  }
  let log_sum = lse_saved[row];
  let chosen = label[row];
  var i = begin + lane;
  for (var left = turns(i + 3u * WG, end, 4u * WG); left > 0u; left--) {
    let a = x[i];
    let b = x[i + WG];
    let c = x[i + 2u * WG];
    let d = x[i + 3u * WG];
    dx[i] = exp(below_top(a, log_sum) - log_sum.y) * scale;
    dx[i + WG] = exp(below_top(b, log_sum) - log_sum.y) * scale;
    dx[i + 2u * WG] = exp(below_top(c, log_sum) - log_sum.y) * scale;
    dx[i + 3u * WG] = exp(below_top(d, log_sum) - log_sum.y) * scale;
    i += 4u * WG;
  }
  for (var left = turns(i, end, WG); left > 0u; left--) {
    dx[i] = exp(below_top(x[i], log_sum) - log_sum.y) * scale;
    i += WG;
  }
  // The target's one, by the lane that wrote it.
  let at = u32(chosen) / WIDTH;
  if (at < size && at % WG == lane) {
    let one = select(T(), T(1.0), T(PLACES) == T(f32(u32(chosen) % WIDTH)));
    dx[begin + at] = (exp(below_top(x[begin + at], log_sum) - log_sum.y) - one) * scale;
  }
}
