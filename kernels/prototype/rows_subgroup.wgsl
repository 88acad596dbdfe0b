enable subgroups;
// prototype/rows_subgroup: the steps of the prototype extractor that reduce over channels, one subgroup per row, lanes
// along the channels in vec4s; no barrier. Same contract, formulas and shapes as prototype/rows_naive, for cols a
// multiple of 4; cols counts vec4s here.
// Grid: ceil(rows / (WG / SG)) workgroups in a line. Accumulates in f32, 4·SG partial sums a row. Traffic: each operand
// read once, twice in unit_forward and unit_backward.
// uses: lib/prototype_row_operands.wgsl, lib/subgroup_reduce.wgsl, lib/special_values.wgsl, lib/exponential.wgsl, lib/logarithm.wgsl, lib/activations.wgsl, lib/turns.wgsl

alias T = vec4<f32>;
const SG = 8u; // tune: 4u 8u 16u 32u 64u
const WG = 64u;

fn sum_fours(v: vec4f) -> f32 { return subgroup_sum((v.x + v.y) + (v.z + v.w)); }

// A row past the end is computed again as the last one and not stored, so that control flow stays uniform in a
// subgroup.
@compute @workgroup_size(WG)
fn unit_forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) local: u32) {
  let item = (wg.y * count.x + wg.x) * (WG / SG) + local / SG;
  let row = min(item, params.rows - 1u);
  let begin = row * params.cols + local % SG;
  let end = (row + 1u) * params.cols;
  var squares = vec4f();
  var i = begin;
  for (var left = turns(i, end, SG); left > 0u; left--) {
    squares += x[i] * x[i];
    i += SG;
  }
  let scale = 1.0 / at_least(sqrt(sum_fours(squares)), 1e-12);
  if (item >= params.rows) { return; }
  i = begin;
  for (var left = turns(i, end, SG); left > 0u; left--) {
    y[i] = x[i] * scale;
    i += SG;
  }
  if (local % SG == 0u) { inverse[row] = scale; }
}

@compute @workgroup_size(WG)
fn unit_backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) local: u32) {
  let item = (wg.y * count.x + wg.x) * (WG / SG) + local / SG;
  let row = min(item, params.rows - 1u);
  let begin = row * params.cols + local % SG;
  let end = (row + 1u) * params.cols;
  let scale = inverse_saved[row];
  var products = vec4f();
  var i = begin;
  for (var left = turns(i, end, SG); left > 0u; left--) {
    products += dy[i] * y_saved[i];
    i += SG;
  }
  let along = select(sum_fours(products), 0.0, scale >= 1e12);
  if (item >= params.rows) { return; }
  i = begin;
  for (var left = turns(i, end, SG); left > 0u; left--) {
    dx[i] = (dy[i] - y_saved[i] * along) * scale;
    i += SG;
  }
}

struct Choice { rank: u32, centre: u32 }

// The greater score, the lower centre on a tie.
fn better(a: Choice, step: u32) -> Choice {
  let b = Choice(subgroupShuffleXor(a.rank, step), subgroupShuffleXor(a.centre, step));
  if (b.rank > a.rank || (b.rank == a.rank && b.centre < a.centre)) { return b; }
  return a;
}

@compute @workgroup_size(WG)
fn assign(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) local: u32) {
  let item = (wg.y * count.x + wg.x) * (WG / SG) + local / SG;
  let row = min(item, params.rows - 1u);
  let lane = local % SG;
  let direction = sign(alpha[0]);
  var best = Choice(0u, params.centres - 1u);
  var n = lane;
  for (var left = turns(n, params.centres, SG); left > 0u; left--) {
    let rank = rank_of(direction * scores[row * params.centres + n]);
    if (rank > best.rank) { best = Choice(rank, n); }
    n += SG;
  }
  if (SG >= 64u) { best = better(best, 32u); }
  if (SG >= 32u) { best = better(best, 16u); }
  if (SG >= 16u) { best = better(best, 8u); }
  if (SG >= 8u) { best = better(best, 4u); }
  best = better(best, 2u);
  best = better(best, 1u);
  let chosen = subgroupBroadcast(best.centre, 0u);
  let token = row * params.cols;
  let centre = (row / params.tokens * params.centres + chosen) * params.cols;
  var products = vec4f();
  var squares = vec4f();
  var d = lane;
  for (var left = turns(d, params.cols, SG); left > 0u; left--) {
    let value = x[token + d];
    products += value * centre_unit[centre + d];
    squares += value * value;
    d += SG;
  }
  let scale = 1.0 / at_least(sqrt(sum_fours(squares)), 1e-12);
  let cosine = sum_fours(products) * scale;
  if (item >= params.rows || lane != 0u) { return; }
  index_out[row] = chosen;
  stats_out[3u * row] = sigmoid4(vec4f(beta[0] + alpha[0] * cosine)).x;
  stats_out[3u * row + 1u] = cosine;
  stats_out[3u * row + 2u] = scale;
}

@compute @workgroup_size(WG)
fn gate_backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) local: u32) {
  let item = (wg.y * count.x + wg.x) * (WG / SG) + local / SG;
  let row = min(item, params.rows - 1u);
  let token = row * params.cols;
  let centre = (row / params.tokens * params.centres + index[row]) * params.cols;
  var products = vec4f();
  var d = local % SG;
  for (var left = turns(d, params.cols, SG); left > 0u; left--) {
    products += dy[token + d] * group[centre + d] + dgroup[centre + d] * f[token + d];
    d += SG;
  }
  let dw = sum_fours(products);
  if (item >= params.rows || local % SG != 0u) { return; }
  let gate = stats[3u * row];
  let ds = dw * gate * (1.0 - gate);
  dgate[2u * row] = ds;
  dgate[2u * row + 1u] = alpha[0] * ds;
}
