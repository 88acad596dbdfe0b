// prototype/rows_naive: the steps of the prototype extractor that reduce over channels, one lane per row.
//   unit_forward   y = x / max(‖x‖, 1e-12), inverse = 1 / max(‖x‖, 1e-12)
//   unit_backward  dx = (dy - y·⟨dy, y⟩) · inverse; dy · inverse where the norm was clamped
//   assign         index = arg max over centres of sign(α)·scores, the lowest on ties; cosine = ⟨x, centre⟩ / ‖x‖; gate
//                  = σ(β + α·cosine)
//   gate_backward  dgate = (ds, α·ds), ds = (⟨dy, group⟩ + ⟨dgroup, f⟩) · gate·(1 - gate)
// scores are ⟨x, centre[n] - centre[0]⟩: centres that almost coincide differ by less than an f32 sum over the channels
// of ⟨x, centre⟩ can tell, so what they share is taken off before the product (specification 1.4.6). The sigmoid and
// 1/‖x‖ do not move the maximum.
// Shapes: x, y, dx, dy float[rows, cols]; of tokens: scores float[rows, centres], index u32[rows], stats float[rows, 3]
// = (gate, cosine, 1/‖x‖), dgate float[rows, 2]; of centres (unit rows), group and dgroup float[rows / tokens, centres,
// cols]. All dense.
// Grid: ceil(rows / WG) workgroups in a line. Accumulates in f32. Source: SQ-LLaVA, specification 1.4.2 (steps 5b, 6 to
// 8) and 1.4.4.
// uses: lib/prototype_row_operands.wgsl, lib/special_values.wgsl, lib/exponential.wgsl, lib/logarithm.wgsl, lib/activations.wgsl

alias T = f32;
const WG = 64u;

@compute @workgroup_size(WG)
fn unit_forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = (wg.y * count.x + wg.x) * WG + lane;
  if (row >= params.rows) { return; }
  let begin = row * params.cols;
  let end = begin + params.cols;
  var squares = 0.0;
  for (var i = begin; i < end; i++) { squares += x[i] * x[i]; }
  let scale = 1.0 / at_least(sqrt(squares), 1e-12);
  for (var i = begin; i < end; i++) { y[i] = x[i] * scale; }
  inverse[row] = scale;
}

@compute @workgroup_size(WG)
fn unit_backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = (wg.y * count.x + wg.x) * WG + lane;
  if (row >= params.rows) { return; }
  let begin = row * params.cols;
  let end = begin + params.cols;
  let scale = inverse_saved[row];
  var along = 0.0;
  for (var i = begin; i < end; i++) { along += dy[i] * y_saved[i]; }
  if (scale >= 1e12) { along = 0.0; }
  for (var i = begin; i < end; i++) { dx[i] = (dy[i] - y_saved[i] * along) * scale; }
}

@compute @workgroup_size(WG)
fn assign(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = (wg.y * count.x + wg.x) * WG + lane;
  if (row >= params.rows) { return; }
  let direction = sign(alpha[0]);
  var best = rank_of(direction * scores[row * params.centres]);
  var chosen = 0u;
  for (var n = 1u; n < params.centres; n++) {
    let rank = rank_of(direction * scores[row * params.centres + n]);
    if (rank > best) {
      best = rank;
      chosen = n;
    }
  }
  let centre = (row / params.tokens * params.centres + chosen) * params.cols;
  var product = 0.0;
  var squares = 0.0;
  for (var d = 0u; d < params.cols; d++) {
    let value = x[row * params.cols + d];
    product += value * centre_unit[centre + d];
    squares += value * value;
  }
  let scale = 1.0 / at_least(sqrt(squares), 1e-12);
  index_out[row] = chosen;
  stats_out[3u * row] = sigmoid4(vec4f(beta[0] + alpha[0] * product * scale)).x;
  stats_out[3u * row + 1u] = product * scale;
  stats_out[3u * row + 2u] = scale;
}

@compute @workgroup_size(WG)
fn gate_backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = (wg.y * count.x + wg.x) * WG + lane;
  if (row >= params.rows) { return; }
  let token = row * params.cols;
  let centre = (row / params.tokens * params.centres + index[row]) * params.cols;
  var dw = 0.0;
  for (var d = 0u; d < params.cols; d++) {
    dw += dy[token + d] * group[centre + d] + dgroup[centre + d] * f[token + d];
  }
  let gate = stats[3u * row];
  let ds = dw * gate * (1.0 - gate);
  dgate[2u * row] = ds;
  dgate[2u * row + 1u] = alpha[0] * ds;
}
