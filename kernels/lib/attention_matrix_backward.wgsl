// What both gradients of attention on matrix units share: the rows of a workgroup as f16 in `rows`, q and dy of queries
// or k and v of keys; the tile of the other side in `tile`; and scores of the one against the other.
//   p = 2^(scale · log₂e · s - log₂e · lse),  ds = p · (dy·vᵀ - Σ dy · y)
// dy is divided by a power of two that brings its largest near 1, since gradients lie far below what f16 holds well,
// and the results are multiplied by it.
// Needs in the kernel: `rows`, `tile`, `scores`, `weights`, `factors`; lib/attention_matrix.wgsl.

const OWN = COLUMNS / 4u / PARTS; // vec4s of a row that a lane has

// The power of two at or below x, the least normal one for 0, and one over such a power: both exact.
fn power_of(x: f32) -> f32 { return bitcast<f32>(clamp(bitcast<u32>(x) & 0x7f800000u, 0x00800000u, 0x7e800000u)); }
fn inverse_of(power: f32) -> f32 { return bitcast<f32>(0x7f000000u - bitcast<u32>(power)); }

fn query_four(query: u32, row: u32, d: u32) -> vec4f {
  return load_q(query + min(row, params.tokens - 1u) * params.q_token, d);
}

fn dy_four(head: u32, row: u32, d: u32) -> vec4f {
  return load_dy(head + min(row, params.tokens - 1u) * params.heads * params.width, d);
}

// Query i's log-sum-exp, Σ dy · y, number of keys and largest |dy|; no key past the last query.
fn stat_at(stats: u32, i: u32) -> vec4f {
  return select(vec4f(), stats_saved[stats + min(i, params.tokens - 1u)], i < params.tokens);
}

// The subgroup's rows of the first or the second operand times the tile of the same, transposed.
fn multiply_rows(lane: u32, which: u32) {
  let row = lane % LANES / SG * MATRIX_M;
  for (var n = 0u; n < COLUMNS / (2u * MATRIX_N); n++) {
    let at = which * STARTS + 2u * n * MATRIX_N * LINE;
    var s0: Sums; var s1: Sums;
    for (var i = 0u; i < D / MATRIX_K; i++) {
      let left = subgroupMatrixLoad<Left, row_major>(&rows, (which * ROWS + row) * LINE + i * MATRIX_K / 4u, LINE);
      let right0 = subgroupMatrixLoad<Right, col_major>(&tile, at + i * MATRIX_K / 4u, LINE);
      let right1 = subgroupMatrixLoad<Right, col_major>(&tile, at + MATRIX_N * LINE + i * MATRIX_K / 4u, LINE);
      s0 = subgroupMatrixMultiplyAccumulate(left, right0, s0);
      s1 = subgroupMatrixMultiplyAccumulate(left, right1, s1);
    }
    subgroupMatrixStore<row_major>(&scores, row * SCORE_LINE + 2u * n * MATRIX_N, s0, SCORE_LINE);
    subgroupMatrixStore<row_major>(&scores, row * SCORE_LINE + 2u * n * MATRIX_N + MATRIX_N, s1, SCORE_LINE);
  }
}

// Where the i-th vec4 that a lane writes of a pair of matrices lies: the row of the tile.
fn pair_row(lane: u32, i: u32) -> u32 { return lane % LANES / SG * MATRIX_M + (i * SG + lane % SG) / PAIR; }
