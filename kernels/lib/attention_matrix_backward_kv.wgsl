// dk and dv of attention on matrix units, by tiles of ROWS keys and COLUMNS queries, over the queries of all heads of
// the group: dv = pᵀ·dy, dk = scale · dsᵀ·q. One power of two divides dy of the whole group.
// Needs in the kernel: `known` and `shares`; what lib/attention_matrix_backward.wgsl needs, and that; lib/turns.wgsl.

fn gradient_of_keys(wg: vec3u, lane: u32) {
  let kv_heads = params.heads / params.group;
  let b = wg.y / kv_heads;
  let kv_head = wg.y % kv_heads;
  let first = wg.x * ROWS;
  let kv = b * params.kv_batch + kv_head * params.kv_head;
  let subgroup_row = lane % LANES / SG * MATRIX_M;
  let row = subgroup_row + lane % SG / PARTS;
  let part = lane % PARTS;
  let own = subgroup_row * SCORE_LINE;
  // The first tile of queries of which one sees a key of these; none does where the last query sees none.
  let before = select(0u, first + params.tokens - params.keys, (params.flags & 1u) != 0u && first
    + params.tokens > params.keys);
  let begin = before / COLUMNS * COLUMNS;
  let power = power_of(largest_dy((b * params.heads + kv_head * params.group) * params.tokens, lane));
  let inverse = inverse_of(power);
  let scale = params.scale * LOG2_E;

  for (var i = 0u; i < ROWS / DOWN; i++) {
    let at = i * DOWN + lane % LANES / FOURS;
    let c = at * LINE + lane % FOURS;
    rows[c] = vec4<f16>(key_four(kv, first + at, width_of(lane), params.keys));
    rows[ROWS * LINE + c] = vec4<f16>(value_four(kv, first + at, width_of(lane), params.keys));
  }

  var dk0: Sums; var dk1: Sums; var dk2: Sums; var dk3: Sums;
  var dk4: Sums; var dk5: Sums; var dk6: Sums; var dk7: Sums;
  var dv0: Sums; var dv1: Sums; var dv2: Sums; var dv3: Sums;
  var dv4: Sums; var dv5: Sums; var dv6: Sums; var dv7: Sums;
  for (var left_heads = params.group; left_heads > 0u; left_heads--) {
    let h = (kv_head + 1u) * params.group - left_heads;
    let query = params.q_offset + b * params.q_batch + h * params.q_head;
    let head = (b * params.tokens * params.heads + h) * params.width;
    let stats = (b * params.heads + h) * params.tokens;
    let end = select(0u, params.tokens, u32(stats_saved[stats + params.tokens - 1u].z) > first);
    workgroupBarrier();
    put_ahead(lane, 0u, queries_ahead(lane, query, begin));
    put_ahead(lane, STARTS, times(dys_ahead(lane, head, begin), inverse));
    put_known(lane, stat_at(stats, begin + lane), inverse);
    workgroupBarrier();
    let steps = turns(begin, end, COLUMNS);
    for (var left_steps = steps; left_steps > 0u; left_steps--) {
      let i = begin + (steps - left_steps) * COLUMNS;
      let queries = queries_ahead(lane, query, i + COLUMNS);
      let dys = dys_ahead(lane, head, i + COLUMNS);
      let stat = stat_at(stats, i + COLUMNS + lane);
      multiply_rows(lane, 0u);
      workgroupBarrier();
      for (var n = 0u; n < OWN; n++) {
        let c = n * PARTS + part;
        let p = exp2(fma(scores_at(row, c), vec4f(scale), -known_at(0u, c)));
        let is_seen = vec4f(f32(first + row)) < known_at(2u, c);
        weights[row * WEIGHT_LINE + c] = vec4<f16>(select(vec4f(), p, is_seen));
      }
      workgroupBarrier();
      multiply_rows(lane, 1u);
      for (var n = 0u; n < COLUMNS / MATRIX_K; n++) {
        let left = subgroupMatrixLoad<Left, row_major>(&weights, subgroup_row * WEIGHT_LINE + n * MATRIX_K / 4u,
          WEIGHT_LINE);
        let at = STARTS + n * MATRIX_K * LINE;
        var right: Right;
        right = subgroupMatrixLoad<Right, row_major>(&tile, at, LINE);
        dv0 = subgroupMatrixMultiplyAccumulate(left, right, dv0);
        right = subgroupMatrixLoad<Right, row_major>(&tile, at + MATRIX_N / 4u, LINE);
        dv1 = subgroupMatrixMultiplyAccumulate(left, right, dv1);
        if (D > 2u * MATRIX_N) {
          right = subgroupMatrixLoad<Right, row_major>(&tile, at + 2u * MATRIX_N / 4u, LINE);
          dv2 = subgroupMatrixMultiplyAccumulate(left, right, dv2);
          right = subgroupMatrixLoad<Right, row_major>(&tile, at + 3u * MATRIX_N / 4u, LINE);
          dv3 = subgroupMatrixMultiplyAccumulate(left, right, dv3);
        }
        if (D > 4u * MATRIX_N) {
          right = subgroupMatrixLoad<Right, row_major>(&tile, at + 4u * MATRIX_N / 4u, LINE);
          dv4 = subgroupMatrixMultiplyAccumulate(left, right, dv4);
          right = subgroupMatrixLoad<Right, row_major>(&tile, at + 5u * MATRIX_N / 4u, LINE);
          dv5 = subgroupMatrixMultiplyAccumulate(left, right, dv5);
          right = subgroupMatrixLoad<Right, row_major>(&tile, at + 6u * MATRIX_N / 4u, LINE);
          dv6 = subgroupMatrixMultiplyAccumulate(left, right, dv6);
          right = subgroupMatrixLoad<Right, row_major>(&tile, at + 7u * MATRIX_N / 4u, LINE);
          dv7 = subgroupMatrixMultiplyAccumulate(left, right, dv7);
        }
      }
      workgroupBarrier();
      for (var n = 0u; n < OWN; n++) {
        let c = n * PARTS + part;
        let p = vec4f(weights[row * WEIGHT_LINE + c]);
        weights[row * WEIGHT_LINE + c] = vec4<f16>(p * (scores_at(row, c) - known_at(1u, c)));
      }
      workgroupBarrier();
      for (var n = 0u; n < COLUMNS / MATRIX_K; n++) {
        let left = subgroupMatrixLoad<Left, row_major>(&weights, subgroup_row * WEIGHT_LINE + n * MATRIX_K / 4u,
          WEIGHT_LINE);
        let at = n * MATRIX_K * LINE;
        var right: Right;
        right = subgroupMatrixLoad<Right, row_major>(&tile, at, LINE);
        dk0 = subgroupMatrixMultiplyAccumulate(left, right, dk0);
        right = subgroupMatrixLoad<Right, row_major>(&tile, at + MATRIX_N / 4u, LINE);
        dk1 = subgroupMatrixMultiplyAccumulate(left, right, dk1);
        if (D > 2u * MATRIX_N) {
          right = subgroupMatrixLoad<Right, row_major>(&tile, at + 2u * MATRIX_N / 4u, LINE);
          dk2 = subgroupMatrixMultiplyAccumulate(left, right, dk2);
          right = subgroupMatrixLoad<Right, row_major>(&tile, at + 3u * MATRIX_N / 4u, LINE);
          dk3 = subgroupMatrixMultiplyAccumulate(left, right, dk3);
        }
        if (D > 4u * MATRIX_N) {
          right = subgroupMatrixLoad<Right, row_major>(&tile, at + 4u * MATRIX_N / 4u, LINE);
          dk4 = subgroupMatrixMultiplyAccumulate(left, right, dk4);
          right = subgroupMatrixLoad<Right, row_major>(&tile, at + 5u * MATRIX_N / 4u, LINE);
          dk5 = subgroupMatrixMultiplyAccumulate(left, right, dk5);
          right = subgroupMatrixLoad<Right, row_major>(&tile, at + 6u * MATRIX_N / 4u, LINE);
          dk6 = subgroupMatrixMultiplyAccumulate(left, right, dk6);
          right = subgroupMatrixLoad<Right, row_major>(&tile, at + 7u * MATRIX_N / 4u, LINE);
          dk7 = subgroupMatrixMultiplyAccumulate(left, right, dk7);
        }
      }
      workgroupBarrier();
      put_ahead(lane, 0u, queries);
      put_ahead(lane, STARTS, times(dys, inverse));
      put_known(lane, stat, inverse);
      workgroupBarrier();
    }
  }

  let to = ((b * params.keys + first) * kv_heads + kv_head) * params.width;
  if (part == 0u) { factors[row] = params.scale * power * exp2(-LIFT); }
  subgroupMatrixStore<row_major>(&scores, own, dk0, SCORE_LINE);
  subgroupMatrixStore<row_major>(&scores, own + MATRIX_N, dk1, SCORE_LINE);
  write_dk(lane, to, first, 0u * MATRIX_N);
  if (D > 2u * MATRIX_N) {
    subgroupMatrixStore<row_major>(&scores, own, dk2, SCORE_LINE);
    subgroupMatrixStore<row_major>(&scores, own + MATRIX_N, dk3, SCORE_LINE);
    write_dk(lane, to, first, 2u * MATRIX_N);
  }
  if (D > 4u * MATRIX_N) {
    subgroupMatrixStore<row_major>(&scores, own, dk4, SCORE_LINE);
    subgroupMatrixStore<row_major>(&scores, own + MATRIX_N, dk5, SCORE_LINE);
    write_dk(lane, to, first, 4u * MATRIX_N);
    subgroupMatrixStore<row_major>(&scores, own, dk6, SCORE_LINE);
    subgroupMatrixStore<row_major>(&scores, own + MATRIX_N, dk7, SCORE_LINE);
    write_dk(lane, to, first, 6u * MATRIX_N);
  }
  workgroupBarrier();
  if (part == 0u) { factors[row] = power * exp2(-LIFT); }
  workgroupBarrier();
  subgroupMatrixStore<row_major>(&scores, own, dv0, SCORE_LINE);
  subgroupMatrixStore<row_major>(&scores, own + MATRIX_N, dv1, SCORE_LINE);
  write_dv(lane, to, first, 0u * MATRIX_N);
  if (D > 2u * MATRIX_N) {
    subgroupMatrixStore<row_major>(&scores, own, dv2, SCORE_LINE);
    subgroupMatrixStore<row_major>(&scores, own + MATRIX_N, dv3, SCORE_LINE);
    write_dv(lane, to, first, 2u * MATRIX_N);
  }
  if (D > 4u * MATRIX_N) {
    subgroupMatrixStore<row_major>(&scores, own, dv4, SCORE_LINE);
    subgroupMatrixStore<row_major>(&scores, own + MATRIX_N, dv5, SCORE_LINE);
    write_dv(lane, to, first, 4u * MATRIX_N);
    subgroupMatrixStore<row_major>(&scores, own, dv6, SCORE_LINE);
    subgroupMatrixStore<row_major>(&scores, own + MATRIX_N, dv7, SCORE_LINE);
    write_dv(lane, to, first, 6u * MATRIX_N);
  }
}
