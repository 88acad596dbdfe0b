// dq of attention on matrix units, by tiles of ROWS queries and COLUMNS keys: dq = scale · ds·k.
// Needs in the kernel: what lib/attention_matrix_backward.wgsl needs, and that.

fn gradient_of_queries(wg: vec3u, count: vec3u, lane: u32) {
  let b = wg.y / params.heads;
  let h = wg.y % params.heads;
  let first = (count.x - 1u - wg.x) * ROWS; // causal: the tiles with most keys begin first
  let stats = wg.y * params.tokens;
  let end = u32(stats_saved[stats + min(first + ROWS, params.tokens) - 1u].z);
  let query = params.q_offset + b * params.q_batch + h * params.q_head;
  let kv = b * params.kv_batch + (h / params.group) * params.kv_head;
  let head = (b * params.tokens * params.heads + h) * params.width;
  let subgroup_row = lane % LANES / SG * MATRIX_M;
  let row = subgroup_row + lane % SG / PARTS;
  let part = lane % PARTS;
  let own = subgroup_row * SCORE_LINE;

  for (var i = 0u; i < ROWS / DOWN; i++) {
    let at = i * DOWN + lane % LANES / FOURS;
    let c = at * LINE + lane % FOURS;
    let inverse = inverse_of(power_of(stats_saved[stats + min(first + at, params.tokens - 1u)].w));
    rows[c] = vec4<f16>(query_four(query, first + at, width_of(lane)));
    rows[ROWS * LINE + c] = vec4<f16>(inverse * dy_four(head, first + at, width_of(lane)));
  }
  let stat = stat_at(stats, first + row);
  let power = power_of(stat.w);
  let along = stat.y * inverse_of(power);
  let seen = u32(stat.z);
  let scale = params.scale * LOG2_E;
  let reference = stat.x * LOG2_E - LIFT;
  if (part == 0u) { factors[row] = params.scale * power * exp2(-LIFT); }
  put_ahead(lane, 0u, keys_ahead(lane, kv, 0u, end));
  put_ahead(lane, STARTS, values_ahead(lane, kv, 0u, end));
  workgroupBarrier();

  var dq0: Sums; var dq1: Sums; var dq2: Sums; var dq3: Sums;
  var dq4: Sums; var dq5: Sums; var dq6: Sums; var dq7: Sums;
  let steps = (end + COLUMNS - 1u) / COLUMNS;
  for (var left_steps = steps; left_steps > 0u; left_steps--) {
    let j = (steps - left_steps) * COLUMNS;
    let keys = keys_ahead(lane, kv, j + COLUMNS, end);
    let values = values_ahead(lane, kv, j + COLUMNS, end);
    multiply_rows(lane, 0u);
    workgroupBarrier();
    for (var n = 0u; n < OWN; n++) {
      let c = n * PARTS + part;
      let p = exp2(fma(scores_at(row, c), vec4f(scale), vec4f(-reference)));
      let is_seen = vec4u(j + 4u * c) + vec4u(0u, 1u, 2u, 3u) < vec4u(seen);
      weights[row * WEIGHT_LINE + c] = vec4<f16>(select(vec4f(), p, is_seen));
    }
    workgroupBarrier();
    multiply_rows(lane, 1u);
    workgroupBarrier();
    for (var n = 0u; n < OWN; n++) {
      let c = n * PARTS + part;
      let p = vec4f(weights[row * WEIGHT_LINE + c]);
      weights[row * WEIGHT_LINE + c] = vec4<f16>(p * (scores_at(row, c) - along));
    }
    workgroupBarrier();
    for (var n = 0u; n < COLUMNS / MATRIX_K; n++) {
      let left = subgroupMatrixLoad<Left, row_major>(&weights, subgroup_row * WEIGHT_LINE + n * MATRIX_K / 4u,
        WEIGHT_LINE);
      let at = n * MATRIX_K * LINE;
      var right: Right;
      right = subgroupMatrixLoad<Right, row_major>(&tile, at, LINE);
      dq0 = subgroupMatrixMultiplyAccumulate(left, right, dq0);
      right = subgroupMatrixLoad<Right, row_major>(&tile, at + MATRIX_N / 4u, LINE);
      dq1 = subgroupMatrixMultiplyAccumulate(left, right, dq1);
      if (D > 2u * MATRIX_N) {
        right = subgroupMatrixLoad<Right, row_major>(&tile, at + 2u * MATRIX_N / 4u, LINE);
        dq2 = subgroupMatrixMultiplyAccumulate(left, right, dq2);
        right = subgroupMatrixLoad<Right, row_major>(&tile, at + 3u * MATRIX_N / 4u, LINE);
        dq3 = subgroupMatrixMultiplyAccumulate(left, right, dq3);
      }
      if (D > 4u * MATRIX_N) {
        right = subgroupMatrixLoad<Right, row_major>(&tile, at + 4u * MATRIX_N / 4u, LINE);
        dq4 = subgroupMatrixMultiplyAccumulate(left, right, dq4);
        right = subgroupMatrixLoad<Right, row_major>(&tile, at + 5u * MATRIX_N / 4u, LINE);
        dq5 = subgroupMatrixMultiplyAccumulate(left, right, dq5);
        right = subgroupMatrixLoad<Right, row_major>(&tile, at + 6u * MATRIX_N / 4u, LINE);
        dq6 = subgroupMatrixMultiplyAccumulate(left, right, dq6);
        right = subgroupMatrixLoad<Right, row_major>(&tile, at + 7u * MATRIX_N / 4u, LINE);
        dq7 = subgroupMatrixMultiplyAccumulate(left, right, dq7);
      }
    }
    workgroupBarrier();
    put_ahead(lane, 0u, keys);
    put_ahead(lane, STARTS, values);
    workgroupBarrier();
  }

  let to = head + first * params.heads * params.width;
  subgroupMatrixStore<row_major>(&scores, own, dq0, SCORE_LINE);
  subgroupMatrixStore<row_major>(&scores, own + MATRIX_N, dq1, SCORE_LINE);
  write_dq(lane, to, first, 0u * MATRIX_N);
  if (D > 2u * MATRIX_N) {
    subgroupMatrixStore<row_major>(&scores, own, dq2, SCORE_LINE);
    subgroupMatrixStore<row_major>(&scores, own + MATRIX_N, dq3, SCORE_LINE);
    write_dq(lane, to, first, 2u * MATRIX_N);
  }
  if (D > 4u * MATRIX_N) {
    subgroupMatrixStore<row_major>(&scores, own, dq4, SCORE_LINE);
    subgroupMatrixStore<row_major>(&scores, own + MATRIX_N, dq5, SCORE_LINE);
    write_dq(lane, to, first, 4u * MATRIX_N);
    subgroupMatrixStore<row_major>(&scores, own, dq6, SCORE_LINE);
    subgroupMatrixStore<row_major>(&scores, own + MATRIX_N, dq7, SCORE_LINE);
    write_dq(lane, to, first, 6u * MATRIX_N);
  }
}

// Writes two matrices of the lane's subgroup from number d of the width on, times the factors of their rows.
fn write_dq(lane: u32, head: u32, first: u32, d: u32) {
  workgroupBarrier();
  for (var i = 0u; i < MATRIX_M * PAIR / SG; i++) {
    let row = pair_row(lane, i);
    if (first + row < params.tokens) {
      let to = head + row * params.heads * params.width;
      store_dq(to, d + 4u * (lane % PAIR), factors[min(row, ROWS - 1u)] * scores_at(row, lane % PAIR));
    }
  }
  workgroupBarrier();
}
