enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);

// attention/forward_matrix: attention on matrix units (tensor cores): q, k, v and p rounded to f16, sums in f32. Dawn's
// experimental feature. Contract of attention/naive but for the rounding, for rows that start at multiples of 4
// elements and that 8 matrices cover.
//   s = q·kᵀ;  p = 2^(|scale| · log₂e · s - reference);  y = Σ p·v / Σ p, both sums of p as rounded
// Error: of a score 2⁻¹⁰ · scale · Σ |q·k|, of y 2⁻¹⁰ · max |v|. An element above 65,504 becomes infinite.
// A subgroup has MATRIX_M queries: their q in D / MATRIX_K matrices, their y in D / MATRIX_N. Scores go through
// workgroup memory, where PARTS lanes share a row, and come back as weights. No row of a matrix can be scaled, so the
// reference of a query, under which the largest weight of the first tile is 2⁶, follows a larger score only where a
// weight would exceed 2¹⁴, and f16 holds 2¹⁵; then, which is rare, y goes through workgroup memory to be scaled, too.
// The reference cancels out of y and of lse = ln(Σ p) + reference · ln 2. A negative scale changes the sign of q.
// BUFFERS = 1: v takes the place of k, for two more barriers per tile.
// Grid: ceil(T / ROWS) × B·H workgroups. Keys that no query of a tile sees are not read. Traffic: q, k and v once for
// every tile of queries; the next of k and v is read while matrices are multiplied. Workgroup memory: 12 to 45 KiB.
// Source: Dao 2023 (FlashAttention-2). No subgroup arithmetic here: it crashes NVIDIA's compiler beside matrices.
// uses: lib/attention_buffers.wgsl, lib/attention_operands.wgsl, lib/attention_rows_vec4.wgsl, lib/special_values.wgsl, lib/attention_mask.wgsl, lib/attention_matrix.wgsl, lib/attention_matrix_scores.wgsl

alias T = vec4<f32>;

const D = 64u; // tune: 32u 64u 128u
const SG = 32u; // tune: 8u 16u 32u 64u
const MATRIX_M = 16u; // tune: 8u 16u
const MATRIX_N = 16u; // tune: 8u 16u
const MATRIX_K = 16u; // tune: 8u 16u
const SUBGROUPS = 4u; // tune: 2u 4u
const COLUMNS = 64u; // tune: 16u 32u 64u
const BUFFERS = 1u; // tune: 1u 2u

const STARTS = (BUFFERS - 1u) * COLUMNS * LINE; // where the values begin in the tile
const SLACK = 8.0;

var<workgroup> tile: array<vec4<f16>, max(ROWS, BUFFERS * COLUMNS) * LINE>;
var<workgroup> weights: array<vec4<f16>, ROWS * WEIGHT_LINE>;
var<workgroup> scores: array<f32, ROWS * SCORE_LINE>;
var<workgroup> shares: array<f32, LANES>;
var<workgroup> factors: array<f32, ROWS>; // of the rows of y
var<workgroup> raised: array<atomic<u32>, 4>; // the first key of the last tile that raised a reference; sixteen bytes

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let b = wg.y / params.heads;
  let h = wg.y % params.heads;
  let first = (count.x - 1u - wg.x) * ROWS; // causal: the tiles with most keys begin first
  let cap = key_cap(b);
  let place = query_place(b) + 1 + i32(first);
  let end = u32(max(min(cap, place + i32(min(ROWS, params.tokens - first)) - 1), 0));
  let seen_by_all = u32(max(min(cap, place), 0));
  let query = params.q_offset + b * params.q_batch + h * params.q_head;
  let kv = b * params.kv_batch + (h / params.group) * params.kv_head;
  let subgroup_row = lane / SG * MATRIX_M;
  let own = subgroup_row * SCORE_LINE;
  let row = subgroup_row + lane % SG / PARTS;
  let part = lane % PARTS;
  let limit = u32(max(min(cap, place + i32(row)), 0));
  let scale = abs(params.scale) * LOG2_E;

  let sign = select(1.0, -1.0, params.scale < 0.0);
  for (var i = 0u; i < ROWS / DOWN; i++) {
    let q_at = query + min(first + i * DOWN + lane / FOURS, params.tokens - 1u) * params.q_token;
    tile[(i * DOWN + lane / FOURS) * LINE + lane % FOURS] = vec4<f16>(sign * load_q(q_at, width_of(lane)));
  }
  var ahead = keys_ahead(lane, kv, 0u, end);
  workgroupBarrier();
  var q0: Left; var q1: Left; var q2: Left; var q3: Left; var q4: Left; var q5: Left; var q6: Left; var q7: Left;
  let q_from = subgroup_row * LINE;
  q0 = subgroupMatrixLoad<Left, row_major>(&tile, q_from, LINE);
  q1 = subgroupMatrixLoad<Left, row_major>(&tile, q_from + MATRIX_K / 4u, LINE);
  if (D > 2u * MATRIX_K) {
    q2 = subgroupMatrixLoad<Left, row_major>(&tile, q_from + 2u * MATRIX_K / 4u, LINE);
    q3 = subgroupMatrixLoad<Left, row_major>(&tile, q_from + 3u * MATRIX_K / 4u, LINE);
  }
  if (D > 4u * MATRIX_K) {
    q4 = subgroupMatrixLoad<Left, row_major>(&tile, q_from + 4u * MATRIX_K / 4u, LINE);
    q5 = subgroupMatrixLoad<Left, row_major>(&tile, q_from + 5u * MATRIX_K / 4u, LINE);
    q6 = subgroupMatrixLoad<Left, row_major>(&tile, q_from + 6u * MATRIX_K / 4u, LINE);
    q7 = subgroupMatrixLoad<Left, row_major>(&tile, q_from + 7u * MATRIX_K / 4u, LINE);
  }
  workgroupBarrier();
  put_ahead(lane, 0u, ahead);
  workgroupBarrier();

  var y0: Sums; var y1: Sums; var y2: Sums; var y3: Sums; var y4: Sums; var y5: Sums; var y6: Sums; var y7: Sums;
  var reference = LEAST; // not -∞, since ∞ - ∞ would be NaN
  var total = 0.0;
  let steps = (end + COLUMNS - 1u) / COLUMNS;
  for (var left = steps; left > 0u; left--) {
    let j = (steps - left) * COLUMNS;
    ahead = values_ahead(lane, kv, j, end);
    for (var n = 0u; n < COLUMNS / (2u * MATRIX_N); n++) {
      let at = 2u * n * MATRIX_N * LINE;
      let beside = at + MATRIX_N * LINE;
      var right: Right;
      var s0: Sums; var s1: Sums;
      right = subgroupMatrixLoad<Right, col_major>(&tile, at, LINE);
      s0 = subgroupMatrixMultiplyAccumulate(q0, right, s0);
      right = subgroupMatrixLoad<Right, col_major>(&tile, beside, LINE);
      s1 = subgroupMatrixMultiplyAccumulate(q0, right, s1);
      right = subgroupMatrixLoad<Right, col_major>(&tile, at + MATRIX_K / 4u, LINE);
      s0 = subgroupMatrixMultiplyAccumulate(q1, right, s0);
      right = subgroupMatrixLoad<Right, col_major>(&tile, beside + MATRIX_K / 4u, LINE);
      s1 = subgroupMatrixMultiplyAccumulate(q1, right, s1);
      if (D > 2u * MATRIX_K) {
        right = subgroupMatrixLoad<Right, col_major>(&tile, at + 2u * MATRIX_K / 4u, LINE);
        s0 = subgroupMatrixMultiplyAccumulate(q2, right, s0);
        right = subgroupMatrixLoad<Right, col_major>(&tile, beside + 2u * MATRIX_K / 4u, LINE);
        s1 = subgroupMatrixMultiplyAccumulate(q2, right, s1);
        right = subgroupMatrixLoad<Right, col_major>(&tile, at + 3u * MATRIX_K / 4u, LINE);
        s0 = subgroupMatrixMultiplyAccumulate(q3, right, s0);
        right = subgroupMatrixLoad<Right, col_major>(&tile, beside + 3u * MATRIX_K / 4u, LINE);
        s1 = subgroupMatrixMultiplyAccumulate(q3, right, s1);
      }
      if (D > 4u * MATRIX_K) {
        right = subgroupMatrixLoad<Right, col_major>(&tile, at + 4u * MATRIX_K / 4u, LINE);
        s0 = subgroupMatrixMultiplyAccumulate(q4, right, s0);
        right = subgroupMatrixLoad<Right, col_major>(&tile, beside + 4u * MATRIX_K / 4u, LINE);
        s1 = subgroupMatrixMultiplyAccumulate(q4, right, s1);
        right = subgroupMatrixLoad<Right, col_major>(&tile, at + 5u * MATRIX_K / 4u, LINE);
        s0 = subgroupMatrixMultiplyAccumulate(q5, right, s0);
        right = subgroupMatrixLoad<Right, col_major>(&tile, beside + 5u * MATRIX_K / 4u, LINE);
        s1 = subgroupMatrixMultiplyAccumulate(q5, right, s1);
        right = subgroupMatrixLoad<Right, col_major>(&tile, at + 6u * MATRIX_K / 4u, LINE);
        s0 = subgroupMatrixMultiplyAccumulate(q6, right, s0);
        right = subgroupMatrixLoad<Right, col_major>(&tile, beside + 6u * MATRIX_K / 4u, LINE);
        s1 = subgroupMatrixMultiplyAccumulate(q6, right, s1);
        right = subgroupMatrixLoad<Right, col_major>(&tile, at + 7u * MATRIX_K / 4u, LINE);
        s0 = subgroupMatrixMultiplyAccumulate(q7, right, s0);
        right = subgroupMatrixLoad<Right, col_major>(&tile, beside + 7u * MATRIX_K / 4u, LINE);
        s1 = subgroupMatrixMultiplyAccumulate(q7, right, s1);
      }
      subgroupMatrixStore<row_major>(&scores, own + 2u * n * MATRIX_N, s0, SCORE_LINE);
      subgroupMatrixStore<row_major>(&scores, own + 2u * n * MATRIX_N + MATRIX_N, s1, SCORE_LINE);
    }
    workgroupBarrier();
    put_ahead(lane, STARTS, ahead);
    ahead = keys_ahead(lane, kv, j + COLUMNS, end);

    let sees = Sight(j, limit, j + COLUMNS > seen_by_all);
    var top = largest_score(row, part, sees);
    if (PARTS > 1u) {
      shares[lane] = top;
      workgroupBarrier();
      for (var n = 0u; n < PARTS; n++) { top = max(top, shares[lane / PARTS * PARTS + n]); }
    }
    var shrink = 1.0;
    if (top * scale > reference + LIFT + SLACK) {
      shrink = exp2(reference + LIFT - top * scale);
      reference = top * scale - LIFT;
      if (j > 0u) { atomicStore(&raised[0], j); }
    }
    if (part == 0u) { factors[row] = shrink; }
    total = total * shrink + put_weights(row, part, sees, scale, reference);
    if (BUFFERS == 2u) { put_ahead(lane, 0u, ahead); }
    let has_raised = workgroupUniformLoad(&raised[0]) == j && j > 0u;
    if (has_raised) {
      subgroupMatrixStore<row_major>(&scores, own, y0, SCORE_LINE);
      subgroupMatrixStore<row_major>(&scores, own + MATRIX_N, y1, SCORE_LINE);
      scale_pair(lane);
      y0 = subgroupMatrixLoad<Sums, row_major>(&scores, own, SCORE_LINE);
      y1 = subgroupMatrixLoad<Sums, row_major>(&scores, own + MATRIX_N, SCORE_LINE);
      workgroupBarrier();
      if (D > 2u * MATRIX_N) {
        subgroupMatrixStore<row_major>(&scores, own, y2, SCORE_LINE);
        subgroupMatrixStore<row_major>(&scores, own + MATRIX_N, y3, SCORE_LINE);
        scale_pair(lane);
        y2 = subgroupMatrixLoad<Sums, row_major>(&scores, own, SCORE_LINE);
        y3 = subgroupMatrixLoad<Sums, row_major>(&scores, own + MATRIX_N, SCORE_LINE);
        workgroupBarrier();
      }
      if (D > 4u * MATRIX_N) {
        subgroupMatrixStore<row_major>(&scores, own, y4, SCORE_LINE);
        subgroupMatrixStore<row_major>(&scores, own + MATRIX_N, y5, SCORE_LINE);
        scale_pair(lane);
        y4 = subgroupMatrixLoad<Sums, row_major>(&scores, own, SCORE_LINE);
        y5 = subgroupMatrixLoad<Sums, row_major>(&scores, own + MATRIX_N, SCORE_LINE);
        workgroupBarrier();
        subgroupMatrixStore<row_major>(&scores, own, y6, SCORE_LINE);
        subgroupMatrixStore<row_major>(&scores, own + MATRIX_N, y7, SCORE_LINE);
        scale_pair(lane);
        y6 = subgroupMatrixLoad<Sums, row_major>(&scores, own, SCORE_LINE);
        y7 = subgroupMatrixLoad<Sums, row_major>(&scores, own + MATRIX_N, SCORE_LINE);
        workgroupBarrier();
      }
    }

    for (var n = 0u; n < COLUMNS / MATRIX_K; n++) {
      let p = subgroupMatrixLoad<Left, row_major>(&weights, subgroup_row * WEIGHT_LINE + n * MATRIX_K / 4u,
        WEIGHT_LINE);
      let at = STARTS + n * MATRIX_K * LINE;
      var right: Right;
      right = subgroupMatrixLoad<Right, row_major>(&tile, at, LINE);
      y0 = subgroupMatrixMultiplyAccumulate(p, right, y0);
      right = subgroupMatrixLoad<Right, row_major>(&tile, at + MATRIX_N / 4u, LINE);
      y1 = subgroupMatrixMultiplyAccumulate(p, right, y1);
      if (D > 2u * MATRIX_N) {
        right = subgroupMatrixLoad<Right, row_major>(&tile, at + 2u * MATRIX_N / 4u, LINE);
        y2 = subgroupMatrixMultiplyAccumulate(p, right, y2);
        right = subgroupMatrixLoad<Right, row_major>(&tile, at + 3u * MATRIX_N / 4u, LINE);
        y3 = subgroupMatrixMultiplyAccumulate(p, right, y3);
      }
      if (D > 4u * MATRIX_N) {
        right = subgroupMatrixLoad<Right, row_major>(&tile, at + 4u * MATRIX_N / 4u, LINE);
        y4 = subgroupMatrixMultiplyAccumulate(p, right, y4);
        right = subgroupMatrixLoad<Right, row_major>(&tile, at + 5u * MATRIX_N / 4u, LINE);
        y5 = subgroupMatrixMultiplyAccumulate(p, right, y5);
        right = subgroupMatrixLoad<Right, row_major>(&tile, at + 6u * MATRIX_N / 4u, LINE);
        y6 = subgroupMatrixMultiplyAccumulate(p, right, y6);
        right = subgroupMatrixLoad<Right, row_major>(&tile, at + 7u * MATRIX_N / 4u, LINE);
        y7 = subgroupMatrixMultiplyAccumulate(p, right, y7);
      }
    }
    if (BUFFERS == 1u) {
      workgroupBarrier();
      put_ahead(lane, 0u, ahead);
      workgroupBarrier();
    }
  }

  shares[lane] = total;
  workgroupBarrier();
  total = 0.0;
  for (var n = 0u; n < PARTS; n++) { total += shares[lane / PARTS * PARTS + n]; }
  if (part == 0u) {
    factors[row] = select(1.0 / total, 0.0, total == 0.0);
    let sum = select((reference + log2(total)) / LOG2_E, infinity(), total == 0.0);
    if (first + row < params.tokens) { lse[wg.y * params.tokens + first + row] = sum; }
  }
  let head = ((b * params.tokens + first) * params.heads + h) * params.width;
  subgroupMatrixStore<row_major>(&scores, own, y0, SCORE_LINE);
  subgroupMatrixStore<row_major>(&scores, own + MATRIX_N, y1, SCORE_LINE);
  write_pair(lane, head, first, 0u * MATRIX_N);
  if (D > 2u * MATRIX_N) {
    subgroupMatrixStore<row_major>(&scores, own, y2, SCORE_LINE);
    subgroupMatrixStore<row_major>(&scores, own + MATRIX_N, y3, SCORE_LINE);
    write_pair(lane, head, first, 2u * MATRIX_N);
  }
  if (D > 4u * MATRIX_N) {
    subgroupMatrixStore<row_major>(&scores, own, y4, SCORE_LINE);
    subgroupMatrixStore<row_major>(&scores, own + MATRIX_N, y5, SCORE_LINE);
    write_pair(lane, head, first, 4u * MATRIX_N);
    subgroupMatrixStore<row_major>(&scores, own, y6, SCORE_LINE);
    subgroupMatrixStore<row_major>(&scores, own + MATRIX_N, y7, SCORE_LINE);
    write_pair(lane, head, first, 6u * MATRIX_N);
  }
}
