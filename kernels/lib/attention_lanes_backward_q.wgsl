// dq of attention, by tiles of ROWS queries and COLUMNS keys: ds = p · (dy·vᵀ - Σ dy · y) · scale with p = exp(scale ·
// q·kᵀ - lse), and dq = ds·k.
// Needs in the kernel: lib/attention_buffers.wgsl, lib/attention_lanes.wgsl, lib/attention_lanes_blocks.wgsl,
// lib/attention_lanes_gradient.wgsl, and lib/attention_rows.wgsl or lib/attention_rows_vec4.wgsl.

fn gradient_of_queries(wg: vec3u, count: vec3u, lane: u32) {
  let b = wg.y / params.heads;
  let h = wg.y % params.heads;
  let first = (count.x - 1u - wg.x) * ROWS; // causal: the tiles with most keys begin first
  let stats = wg.y * params.tokens;
  let end = u32(stats_saved[stats + min(first + ROWS, params.tokens) - 1u].z);
  let query = params.q_offset + b * params.q_batch + h * params.q_head;
  let kv = b * params.kv_batch + (h / params.group) * params.kv_head;
  let head = (b * params.tokens * params.heads + h) * params.width;
  let across = across_of(lane) % ACROSS;
  let down = down_of(lane) % DOWN;
  let product = product_place(lane);
  let span = span_place(lane);
  let row = first + 4u * down;
  let known0 = known_of(stats, row);
  let known1 = known_of(stats, row + 4u * DOWN);

  var sums = Sums();
  var rows = q_block(query, first + product.x, product.y);
  var columns = k_block(kv, product.x, product.y, end);
  for (var j = 0u; j < end; j += COLUMNS) {
    var scores = Scores();
    // p by pieces of q and k, then dp by pieces of dy and v, then dq by spans of k.
    for (var stage = 0u; stage < 2u * PIECES + SPANS; stage++) {
      let is_first = stage < PIECES;
      put_operands(lane, select(stage - PIECES, stage, is_first), rows, columns);
      workgroupBarrier();
      let next = (stage + 1u) % (2u * PIECES + SPANS);
      let is_piece = next < 2u * PIECES;
      let d = select(span.y, (next % PIECES) * DEPTH + product.y, is_piece);
      let j_next = select(j, j + COLUMNS, next == 0u)
        + select((next - 2u * PIECES) * SPAN + span.x, product.x, is_piece);
      if (is_piece && next >= PIECES) {
        rows = dy_block(head, first + product.x, d);
        columns = v_block(kv, j_next, d, end);
      } else {
        if (is_piece) { rows = q_block(query, first + product.x, d); }
        columns = k_block(kv, j_next, d, end);
      }
      if (stage < 2u * PIECES) { add_piece(lane, &scores); } else { add_span(lane, stage - 2u * PIECES, &sums); }
      workgroupBarrier();
      if (stage + 1u == PIECES || stage + 1u == 2u * PIECES) {
        let key = f32(j + 4u * across);
        put_keys(is_first, across, down, scores.c0r0, key, known0);
        if (HAS_TWO_ROWS) { put_keys(is_first, across, down + DOWN, scores.c0r1, key, known1); }
        if (HAS_TWO_COLUMNS) { put_keys(is_first, across + ACROSS, down, scores.c1r0, key + f32(4u * ACROSS), known0); }
        if (HAS_TWO_ROWS && HAS_TWO_COLUMNS) {
          put_keys(is_first, across + ACROSS, down + DOWN, scores.c1r1, key + f32(4u * ACROSS), known1);
        }
        scores = Scores();
      }
    }
  }

  let d = 4u * across;
  store_dq_block(head, row, d, sums.r0d0);
  if (HAS_TWO_FOURS) { store_dq_block(head, row, d + 4u * ACROSS, sums.r0d1); }
  if (HAS_TWO_ROWS) {
    store_dq_block(head, row + 4u * DOWN, d, sums.r1d0);
    if (HAS_TWO_FOURS) { store_dq_block(head, row + 4u * DOWN, d + 4u * ACROSS, sums.r1d1); }
  }
}

// log-sum-exp, Σ dy · y and number of keys of four queries; no key past the last query.
struct KnownRows { lse: vec4f, along: vec4f, seen: vec4f }

fn known_of(stats: u32, row: u32) -> KnownRows {
  let t = transpose(mat4x4f(stat_at(stats, row), stat_at(stats, row + 1u), stat_at(stats, row + 2u),
    stat_at(stats, row + 3u)));
  return KnownRows(t[0], t[1], t[2]);
}

/// Puts p of four keys and four queries, or turns the p that this lane put there into ds.
fn put_keys(is_first: bool, column_four: u32, row_four: u32, s: mat4x4f, key: f32, facts: KnownRows) {
  if (is_first) {
    put_weights(column_four, row_four, mat4x4f(seen_row_weight(s[0], key, facts),
      seen_row_weight(s[1], key + 1.0, facts),
      seen_row_weight(s[2], key + 2.0, facts), seen_row_weight(s[3], key + 3.0, facts)));
  } else {
    let p = weights_at(column_four, row_four);
    let along = facts.along;
    put_weights(column_four, row_four, params.scale
      * mat4x4f(p[0] * (s[0] - along), p[1] * (s[1] - along), p[2] * (s[2] - along), p[3] * (s[3] - along)));
  }
}

fn seen_row_weight(s: vec4f, key: f32, facts: KnownRows) -> vec4f {
  return select(vec4f(), exp(s * params.scale - facts.lse), vec4f(key) < facts.seen);
}

fn store_dq_block(head: u32, row: u32, d: u32, o: mat4x4f) {
  let step = params.heads * params.width;
  let at = head + row * step;
  if (row < params.tokens) { store_dq(at, d, o[0]); }
  if (row + 1u < params.tokens) { store_dq(at + step, d, o[1]); }
  if (row + 2u < params.tokens) { store_dq(at + 2u * step, d, o[2]); }
  if (row + 3u < params.tokens) { store_dq(at + 3u * step, d, o[3]); }
}
