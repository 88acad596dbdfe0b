enable subgroups;
// rows/cross_entropy_subgroup: next-token loss of rows of logits, one subgroup per row, four adjacent classes a lane.
// Contract of rows/cross_entropy_naive, for cols a multiple of 4.
//   forward   lse = log Σ exp x,   row_loss = w · (lse - x[target])
//   backward  dx = (exp(x - lse) - onehot(target)) · w · dy / Σ w
// Shapes: x, dx float[rows, cols]; label i32[rows]; row_weight float[rows]; lse float[rows, 2] = max x, log Σ exp(x -
// max x); terms float[rows, 2] = row_loss, w; dy float[1]. Dense.
// The two parts of lse stay apart, since beside a great maximum their sum loses the second. A target of -100 ignores
// its row; any other that is no class gives NaN, and nothing is read for it. A row of -∞ alone counts as equal scores.
// Grid: ceil(rows / (WG / SG)) workgroups in a line. Accumulates in f32. Ignored rows are not read: forward gives 0,
// backward writes 0.
// Traffic: 4 bytes per element forward, read once; 8 backward.
// uses: lib/subgroup_reduce.wgsl, lib/online_sum.wgsl, lib/special_values.wgsl, lib/cross_entropy_row.wgsl, lib/turns.wgsl

struct Params { rows: u32, cols: u32, weighted: u32 }

alias T = vec4<f32>;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> label: array<i32>;
@group(0) @binding(3) var<storage, read> row_weight: array<f32>;
@group(0) @binding(4) var<storage, read_write> lse: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read_write> terms: array<f32>;
@group(0) @binding(6) var<storage, read> lse_saved: array<vec2<f32>>;
@group(0) @binding(7) var<storage, read> terms_saved: array<f32>;
@group(0) @binding(8) var<storage, read> totals: array<f32>;
@group(0) @binding(9) var<storage, read> dy: array<f32>;
@group(0) @binding(10) var<storage, read_write> dx: array<vec4<f32>>;

const SG = 8u; // tune: 4u 8u 16u 32u 64u
const WG = 64u; // tune: 64u 128u 256u

// A row past the end, or an ignored one, walks no columns, so that control flow stays uniform in a subgroup.
@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) index: u32) {
  let row = (wg.y * count.x + wg.x) * (WG / SG) + index / SG;
  let inside = min(row, params.rows - 1u);
  let chosen = label[inside];
  let vec4s = params.cols / 4u;
  let begin = inside * vec4s;
  let end = select(0u, vec4s, is_class(chosen) && row < params.rows);
  var seen = online_start();
  var i = index % SG;
  let main = end - end % (4u * SG);
  for (var left = turns(i, main, 4u * SG); left > 0u; left--) {
    let a = x[begin + i];
    let b = x[begin + i + SG];
    let c = x[begin + i + 2u * SG];
    let d = x[begin + i + 3u * SG];
    seen = online_sixteen(seen, a, b, c, d);
    i += 4u * SG;
  }
  for (var left = turns(i, end, SG); left > 0u; left--) {
    seen = online_four(seen, x[begin + i]);
    i += SG;
  }
  let all = online_subgroup(seen);
  let log_sum = log_sum_of(all.top, all.total);
  if (row < params.rows && index % SG == 0u) {
    let at = class_of(chosen);
    let w = weight_of(row, chosen);
    lse[row] = select(vec2f(), log_sum, is_class(chosen));
    terms[2u * row] = row_loss(w, chosen, x[begin + at / 4u][at % 4u], log_sum);
    terms[2u * row + 1u] = w;
  }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) index: u32) {
  let row = (wg.y * count.x + wg.x) * (WG / SG) + index / SG;
  if (row >= params.rows) { return; }
  let vec4s = params.cols / 4u;
  let begin = row * vec4s;
  let chosen = label[row];
  let scale = select(terms_saved[2u * row + 1u], lse_saved[row].y, is_nan(lse_saved[row].y)) * totals[1] * dy[0];
  if (scale == 0.0) {
    var i = index % SG;
    for (var left = turns(i, vec4s, SG); left > 0u; left--) {
      dx[begin + i] = vec4f();
      i += SG;
    }
    return;
  }
  let log_sum = lse_saved[row];
  var i = index % SG;
  let main = vec4s - vec4s % (2u * SG);
  for (var left = turns(i, main, 2u * SG); left > 0u; left--) {
    let a = x[begin + i];
    let b = x[begin + i + SG];
    dx[begin + i] = exp(below_top(a, log_sum) - log_sum.y) * scale;
    dx[begin + i + SG] = exp(below_top(b, log_sum) - log_sum.y) * scale;
    i += 2u * SG;
  }
  for (var left = turns(i, vec4s, SG); left > 0u; left--) {
    dx[begin + i] = exp(below_top(x[begin + i], log_sum) - log_sum.y) * scale;
    i += SG;
  }
  // The target's one, by the lane that wrote these four: cheaper than four comparisons at every step.
  let chosen_vec4 = u32(chosen) / 4u;
  if (chosen_vec4 < vec4s && chosen_vec4 % SG == index % SG) {
    var p = exp(below_top(x[begin + chosen_vec4], log_sum) - log_sum.y);
    p[u32(chosen) % 4u] -= 1.0;
    dx[begin + chosen_vec4] = p * scale;
  }
}
