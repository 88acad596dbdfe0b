// What lib/attention_matrix_backward_kv.wgsl reads of queries, and how it writes.
// Needs in the kernel: `known` and `shares`; what lib/attention_matrix_backward.wgsl needs, and that; lib/turns.wgsl.

fn queries_ahead(lane: u32, query: u32, first: u32) -> Ahead {
  let row = first + lane / FOURS;
  let d = width_of(lane);
  var ahead: Ahead;
  ahead.v0 = query_four(query, row, d);
  if (EACH > 1u) { ahead.v1 = query_four(query, row + 1u * DOWN, d); }
  if (EACH > 2u) { ahead.v2 = query_four(query, row + 2u * DOWN, d); }
  if (EACH > 3u) { ahead.v3 = query_four(query, row + 3u * DOWN, d); }
  if (EACH > 4u) { ahead.v4 = query_four(query, row + 4u * DOWN, d); }
  if (EACH > 5u) { ahead.v5 = query_four(query, row + 5u * DOWN, d); }
  if (EACH > 6u) { ahead.v6 = query_four(query, row + 6u * DOWN, d); }
  if (EACH > 7u) { ahead.v7 = query_four(query, row + 7u * DOWN, d); }
  return ahead;
}

fn dys_ahead(lane: u32, head: u32, first: u32) -> Ahead {
  let row = first + lane / FOURS;
  let d = width_of(lane);
  var ahead: Ahead;
  ahead.v0 = dy_four(head, row, d);
  if (EACH > 1u) { ahead.v1 = dy_four(head, row + 1u * DOWN, d); }
  if (EACH > 2u) { ahead.v2 = dy_four(head, row + 2u * DOWN, d); }
  if (EACH > 3u) { ahead.v3 = dy_four(head, row + 3u * DOWN, d); }
  if (EACH > 4u) { ahead.v4 = dy_four(head, row + 4u * DOWN, d); }
  if (EACH > 5u) { ahead.v5 = dy_four(head, row + 5u * DOWN, d); }
  if (EACH > 6u) { ahead.v6 = dy_four(head, row + 6u * DOWN, d); }
  if (EACH > 7u) { ahead.v7 = dy_four(head, row + 7u * DOWN, d); }
  return ahead;
}

fn times(a: Ahead, by: f32) -> Ahead {
  return Ahead(a.v0 * by, a.v1 * by, a.v2 * by, a.v3 * by, a.v4 * by, a.v5 * by, a.v6 * by, a.v7 * by);
}

// The largest |dy| of the group's queries, by all lanes.
fn largest_dy(stats: u32, lane: u32) -> f32 {
  var most = 0.0;
  var at = lane;
  for (var left = turns(lane, params.group * params.tokens, LANES); left > 0u; left--) {
    most = max(most, stats_saved[stats + at].w);
    at += LANES;
  }
  shares[lane % LANES] = most;
  workgroupBarrier();
  for (var n = 0u; n < LANES; n++) { most = max(most, shares[n]); }
  return most;
}

// What is subtracted from log₂ p, Σ dy · y and number of keys of the tile's queries.
fn put_known(lane: u32, stat: vec4f, inverse: f32) {
  if (lane < COLUMNS) {
    known[lane % COLUMNS] = stat.x * LOG2_E - LIFT;
    known[COLUMNS + lane % COLUMNS] = stat.y * inverse;
    known[2u * COLUMNS + lane % COLUMNS] = stat.z;
  }
}

fn known_at(what: u32, c: u32) -> vec4f {
  let at = 4u * (min(what, 2u) * (COLUMNS / 4u) + c % (COLUMNS / 4u));
  return vec4f(known[at], known[at + 1u], known[at + 2u], known[at + 3u]);
}

// Writes two matrices of the lane's subgroup from number d of the width on, times the factors of their rows.
fn write_dk(lane: u32, head: u32, first: u32, d: u32) {
  workgroupBarrier();
  for (var i = 0u; i < MATRIX_M * PAIR / SG; i++) {
    let row = pair_row(lane, i);
    if (first + row < params.keys) {
      let to = head + row * (params.heads / params.group) * params.width;
      store_dk(to, d + 4u * (lane % PAIR), factors[min(row, ROWS - 1u)] * scores_at(row, lane % PAIR));
    }
  }
  workgroupBarrier();
}

// Writes two matrices of the lane's subgroup from number d of the width on, times the factors of their rows.
fn write_dv(lane: u32, head: u32, first: u32, d: u32) {
  workgroupBarrier();
  for (var i = 0u; i < MATRIX_M * PAIR / SG; i++) {
    let row = pair_row(lane, i);
    if (first + row < params.keys) {
      let to = head + row * (params.heads / params.group) * params.width;
      store_dv(to, d + 4u * (lane % PAIR), factors[min(row, ROWS - 1u)] * scores_at(row, lane % PAIR));
    }
  }
  workgroupBarrier();
}
