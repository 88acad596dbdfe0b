// Scores of attention on matrix units in workgroup memory, where PARTS lanes share a row, and results that pass through
// the same place, two matrices of each subgroup at a time.
// Needs in the kernel: `scores`, `weights` and `factors`; lib/attention_matrix.wgsl, lib/attention_rows_vec4.wgsl,
// lib/special_values.wgsl.

const OWN = COLUMNS / 4u / PARTS; // vec4s of a row that a lane has

// A tile's first key, the keys that a query sees, and whether some query of the tile does not see all of its keys.
struct Sight { key: u32, limit: u32, is_edge: bool }

// Which of the four keys in vec4 c of a tile are seen.
fn is_seen(sees: Sight, c: u32) -> vec4<bool> {
  return vec4u(sees.key + 4u * c) + vec4u(0u, 1u, 2u, 3u) < vec4u(sees.limit);
}

// The largest of a lane's scores in a row.
fn largest_score(row: u32, part: u32, sees: Sight) -> f32 {
  var top = LEAST;
  for (var n = 0u; n < OWN; n++) {
    let c = n * PARTS + part;
    var s = scores_at(row, c);
    if (sees.is_edge) { s = select(vec4f(LEAST), s, is_seen(sees, c)); }
    top = max(top, max(max(s.x, s.y), max(s.z, s.w)));
  }
  return top;
}

// Stores 2^(scale · score - reference), 0 for a key that is not seen; returns the sum of what was stored.
fn put_weights(row: u32, part: u32, sees: Sight, scale: f32, reference: f32) -> f32 {
  var total = 0.0;
  for (var n = 0u; n < OWN; n++) {
    let c = n * PARTS + part;
    var p = exp2(fma(scores_at(row, c), vec4f(scale), vec4f(-reference)));
    if (sees.is_edge) { p = select(vec4f(), p, is_seen(sees, c)); }
    let weight = vec4<f16>(p);
    weights[min(row, ROWS - 1u) * WEIGHT_LINE + min(c, COLUMNS / 4u - 1u)] = weight;
    total += dot(vec4f(weight), vec4f(1.0));
  }
  return total;
}

// Scales two matrices of the lane's subgroup by the factors of their rows, between two barriers.
fn scale_pair(lane: u32) {
  workgroupBarrier();
  for (var i = 0u; i < MATRIX_M * PAIR / SG; i++) {
    let row = lane % LANES / SG * MATRIX_M + (i * SG + lane % SG) / PAIR;
    let at = row * SCORE_LINE + 4u * (lane % PAIR);
    for (var n = 0u; n < 4u; n++) { scores[at + n] *= factors[row]; }
  }
  workgroupBarrier();
}

// Writes them to y from number d of the width on, scaled alike; y's row `first` begins at `head`.
fn write_pair(lane: u32, head: u32, first: u32, d: u32) {
  workgroupBarrier();
  for (var i = 0u; i < MATRIX_M * PAIR / SG; i++) {
    let row = lane % LANES / SG * MATRIX_M + (i * SG + lane % SG) / PAIR;
    if (first + row < params.tokens) {
      let to = head + row * params.heads * params.width;
      store_y(to, d + 4u * (lane % PAIR), factors[row] * scores_at(row, lane % PAIR));
    }
  }
  workgroupBarrier();
}
