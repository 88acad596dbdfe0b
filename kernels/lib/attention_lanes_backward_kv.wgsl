// dk and dv of attention, by tiles of ROWS keys and COLUMNS queries, over the queries of all heads of the group: p =
// exp(scale · q·kᵀ - lse), dv = pᵀ·dy, ds = p · (dy·vᵀ - Σ dy · y) · scale, dk = dsᵀ·q.
// Needs in the kernel: lib/attention_buffers.wgsl, lib/attention_lanes.wgsl, lib/attention_lanes_blocks.wgsl,
// lib/attention_lanes_gradient.wgsl, and lib/attention_rows.wgsl or lib/attention_rows_vec4.wgsl.

var<workgroup> known: array<vec4f, COLUMNS>; // log-sum-exp, Σ dy · y and number of keys of each query of the tile

fn gradient_of_keys(wg: vec3u, lane: u32) {
  let kv_heads = params.heads / params.group;
  let b = wg.y / kv_heads;
  let kv_head = wg.y % kv_heads;
  let first = wg.x * ROWS;
  let kv = b * params.kv_batch + kv_head * params.kv_head;
  let across = across_of(lane) % ACROSS;
  let down = down_of(lane) % DOWN;
  let product = product_place(lane);
  let span = span_place(lane);
  let row = first + 4u * down;
  // The first tile of queries of which one sees a key of these; none does where the last query sees none.
  let before = select(0u, first + params.tokens - params.keys, (params.flags & 1u) != 0u && first
    + params.tokens > params.keys);
  let begin = before / COLUMNS * COLUMNS;

  var dk_sums = Sums();
  var dv_sums = Sums();
  for (var h = kv_head * params.group; h < (kv_head + 1u) * params.group; h++) {
    let query = params.q_offset + b * params.q_batch + h * params.q_head;
    let head = (b * params.tokens * params.heads + h) * params.width;
    let stats = (b * params.heads + h) * params.tokens;
    let is_seen = u32(stats_saved[stats + params.tokens - 1u].z) > first;
    let end = select(0u, params.tokens, is_seen);
    var rows = k_block(kv, first + product.x, product.y, params.keys);
    var columns = q_block(query, begin + product.x, product.y);
    for (var i = begin; i < end; i += COLUMNS) {
      for (var n = 0u; n < (COLUMNS + LANES - 1u) / LANES; n++) {
        let column = n * LANES + lane;
        if (column < COLUMNS) { known[min(column, COLUMNS - 1u)] = stat_at(stats, i + column); }
      }
      var scores = Scores();
      // First p by pieces of q and dv by spans of dy, then dp by pieces of dy and dk by spans of q.
      for (var stage = 0u; stage < 2u * (PIECES + SPANS); stage++) {
        let is_first = stage < PIECES + SPANS;
        let step = stage % (PIECES + SPANS);
        put_operands(lane, step, rows, columns);
        workgroupBarrier();
        let next = (stage + 1u) % (2u * (PIECES + SPANS));
        let next_step = next % (PIECES + SPANS);
        let is_piece = next_step < PIECES;
        let d = select(span.y, next_step * DEPTH + product.y, is_piece);
        let i_next = select(i, i + COLUMNS, next == 0u)
          + select((next_step - PIECES) * SPAN + span.x, product.x, is_piece);
        if (is_piece) {
          if (next < PIECES) { rows = k_block(kv, first + product.x, d, params.keys); } else { rows =
            v_block(kv, first + product.x, d, params.keys); }
        }
        if (is_piece == (next < PIECES + SPANS)) { columns = q_block(query, i_next, d); } else { columns =
          dy_block(head, i_next, d); }
        if (step < PIECES) {
          add_piece(lane, &scores);
        } else if (is_first) {
          add_span(lane, step - PIECES, &dv_sums);
        } else {
          add_span(lane, step - PIECES, &dk_sums);
        }
        workgroupBarrier();
        if (step + 1u == PIECES) {
          put_queries(is_first, across, down, scores.c0r0, row);
          if (HAS_TWO_ROWS) { put_queries(is_first, across, down + DOWN, scores.c0r1, row + 4u * DOWN); }
          if (HAS_TWO_COLUMNS) { put_queries(is_first, across + ACROSS, down, scores.c1r0, row); }
          if (HAS_TWO_ROWS && HAS_TWO_COLUMNS) {
            put_queries(is_first, across + ACROSS, down + DOWN, scores.c1r1, row + 4u * DOWN);
          }
          scores = Scores();
        }
      }
    }
  }

  let head = (b * params.keys * kv_heads + kv_head) * params.width;
  let d = 4u * across;
  store_dk_block(head, row, d, dk_sums.r0d0);
  if (HAS_TWO_FOURS) { store_dk_block(head, row, d + 4u * ACROSS, dk_sums.r0d1); }
  if (HAS_TWO_ROWS) {
    store_dk_block(head, row + 4u * DOWN, d, dk_sums.r1d0);
    if (HAS_TWO_FOURS) { store_dk_block(head, row + 4u * DOWN, d + 4u * ACROSS, dk_sums.r1d1); }
  }
  store_dv_block(head, row, d, dv_sums.r0d0);
  if (HAS_TWO_FOURS) { store_dv_block(head, row, d + 4u * ACROSS, dv_sums.r0d1); }
  if (HAS_TWO_ROWS) {
    store_dv_block(head, row + 4u * DOWN, d, dv_sums.r1d0);
    if (HAS_TWO_FOURS) { store_dv_block(head, row + 4u * DOWN, d + 4u * ACROSS, dv_sums.r1d1); }
  }
}

/// Puts p of four queries and four keys, or turns the p that this lane put there into ds.
fn put_queries(is_first: bool, column_four: u32, row_four: u32, s: mat4x4f, row: u32) {
  let at = 4u * (column_four % COLUMN_FOURS);
  let keys = vec4f(f32(row)) + vec4f(0.0, 1.0, 2.0, 3.0);
  if (is_first) {
    put_weights(column_four, row_four, mat4x4f(seen_weight(s[0], keys, known[at]),
      seen_weight(s[1], keys, known[at + 1u]),
      seen_weight(s[2], keys, known[at + 2u]), seen_weight(s[3], keys, known[at + 3u])));
  } else {
    let p = weights_at(column_four, row_four);
    put_weights(column_four, row_four, params.scale
      * mat4x4f(p[0] * (s[0] - known[at].y), p[1] * (s[1] - known[at + 1u].y),
      p[2] * (s[2] - known[at + 2u].y), p[3] * (s[3] - known[at + 3u].y)));
  }
}

fn seen_weight(s: vec4f, keys: vec4f, query: vec4f) -> vec4f {
  return select(vec4f(), exp(s * params.scale - query.x), keys < vec4f(query.z));
}

fn store_dk_block(head: u32, row: u32, d: u32, o: mat4x4f) {
  let step = params.heads / params.group * params.width;
  let at = head + row * step;
  if (row < params.keys) { store_dk(at, d, o[0]); }
  if (row + 1u < params.keys) { store_dk(at + step, d, o[1]); }
  if (row + 2u < params.keys) { store_dk(at + 2u * step, d, o[2]); }
  if (row + 3u < params.keys) { store_dk(at + 3u * step, d, o[3]); }
}

fn store_dv_block(head: u32, row: u32, d: u32, o: mat4x4f) {
  let step = params.heads / params.group * params.width;
  let at = head + row * step;
  if (row < params.keys) { store_dv(at, d, o[0]); }
  if (row + 1u < params.keys) { store_dv(at + step, d, o[1]); }
  if (row + 2u < params.keys) { store_dv(at + 2u * step, d, o[2]); }
  if (row + 3u < params.keys) { store_dv(at + 3u * step, d, o[3]); }
}
