// The forward of attention with an online softmax, by tiles of ROWS queries and COLUMNS keys.
// Needs in the kernel: lib/attention_buffers.wgsl, lib/attention_mask.wgsl, lib/attention_lanes.wgsl,
// lib/attention_lanes_blocks.wgsl, lib/special_values.wgsl, and lib/attention_rows.wgsl or
// lib/attention_rows_vec4.wgsl.

fn attend(wg: vec3u, count: vec3u, lane: u32) {
  let b = wg.y / params.heads;
  let h = wg.y % params.heads;
  let first = (count.x - 1u - wg.x) * ROWS; // causal: the tiles with most keys begin first
  let cap = key_cap(b);
  let place = query_place(b) + 1 + i32(first);
  let end = u32(max(min(cap, place + i32(min(ROWS, params.tokens - first)) - 1), 0));
  let query = params.q_offset + b * params.q_batch + h * params.q_head;
  let kv = b * params.kv_batch + (h / params.group) * params.kv_head;
  let across = across_of(lane) % ACROSS;
  let down = down_of(lane) % DOWN;
  let product = product_place(lane);
  let span = span_place(lane);

  var top0 = vec4f(LEAST); // not -∞, since ∞ - ∞ would be NaN
  var top1 = vec4f(LEAST);
  var total0 = vec4f();
  var total1 = vec4f();
  var sums = Sums();
  var rows = params.scale * q_block(query, first + product.x, product.y);
  var columns = k_block(kv, product.x, product.y, end);
  for (var j = 0u; j < end; j += COLUMNS) {
    var scores = Scores();
    for (var stage = 0u; stage < PIECES + SPANS; stage++) {
      put_operands(lane, stage, rows, columns);
      workgroupBarrier();
      let next = (stage + 1u) % (PIECES + SPANS);
      if (next < PIECES) {
        rows = params.scale * q_block(query, first + product.x, next * DEPTH + product.y);
        columns = k_block(kv, select(j, j + COLUMNS, next == 0u) + product.x, next * DEPTH + product.y, end);
      } else {
        columns = v_block(kv, j + (next - PIECES) * SPAN + span.x, span.y, end);
      }
      if (stage < PIECES) { add_piece(lane, &scores); } else { add_span(lane, stage - PIECES, &sums); }
      workgroupBarrier();
      if (stage + 1u == PIECES) {
        let key = i32(j + 4u * across);
        let limit0 = min(vec4i(cap), vec4i(place + i32(4u * down)) + vec4i(0, 1, 2, 3));
        let limit1 = min(vec4i(cap), vec4i(place + i32(4u * (down + DOWN))) + vec4i(0, 1, 2, 3));
        scores.c0r0 = masked(scores.c0r0, key, limit0);
        scores.c0r1 = masked(scores.c0r1, key, limit1);
        scores.c1r0 = masked(scores.c1r0, key + i32(4u * ACROSS), limit0);
        scores.c1r1 = masked(scores.c1r1, key + i32(4u * ACROSS), limit1);
        var m0 = max_of(scores.c0r0);
        var m1 = max_of(scores.c0r1);
        if (HAS_TWO_COLUMNS) {
          m0 = max(m0, max_of(scores.c1r0));
          m1 = max(m1, max_of(scores.c1r1));
        }
        put_share(across, down, m0, m1);
        workgroupBarrier();
        m0 = top0;
        m1 = top1;
        for (var n = 0u; n < ACROSS; n++) {
          m0 = max(m0, share_at(n, down));
          m1 = max(m1, share_at(n, down + DOWN));
        }
        workgroupBarrier();
        let shrink0 = exp(top0 - m0);
        let shrink1 = exp(top1 - m1);
        top0 = m0;
        top1 = m1;
        total0 = total0 * shrink0 + put_exp(scores.c0r0, m0, across, down);
        if (HAS_TWO_COLUMNS) { total0 += put_exp(scores.c1r0, m0, across + ACROSS, down); }
        if (HAS_TWO_ROWS) { total1 = total1 * shrink1 + put_exp(scores.c0r1, m1, across, down + DOWN); }
        if (HAS_TWO_ROWS && HAS_TWO_COLUMNS) { total1 += put_exp(scores.c1r1, m1, across + ACROSS, down + DOWN); }
        scale_rows(&sums, shrink0, shrink1);
      }
    }
  }

  put_share(across, down, total0, total1);
  workgroupBarrier();
  total0 = vec4f();
  total1 = vec4f();
  for (var n = 0u; n < ACROSS; n++) {
    total0 += share_at(n, down);
    total1 += share_at(n, down + DOWN);
  }
  scale_rows(&sums, select(1.0 / total0, vec4f(), total0 == vec4f()), select(1.0 / total1, vec4f(), total1 == vec4f()));
  let head = (b * params.tokens * params.heads + h) * params.width;
  let row = first + 4u * down;
  let d = 4u * across;
  store_block(head, row, d, sums.r0d0);
  if (HAS_TWO_FOURS) { store_block(head, row, d + 4u * ACROSS, sums.r0d1); }
  if (across == 0u) { store_lse(wg.y * params.tokens, row, top0, total0); }
  if (HAS_TWO_ROWS) {
    store_block(head, row + 4u * DOWN, d, sums.r1d0);
    if (HAS_TWO_FOURS) { store_block(head, row + 4u * DOWN, d + 4u * ACROSS, sums.r1d1); }
    if (across == 0u) { store_lse(wg.y * params.tokens, row + 4u * DOWN, top1, total1); }
  }
}

// The lanes of a row communicate through the memory of the weights while it is not read.
fn put_share(across: u32, down: u32, share0: vec4f, share1: vec4f) {
  weights[(across % ACROSS) * ROW_FOURS + (down + across) % ROW_FOURS] = share0;
  if (HAS_TWO_ROWS) { weights[(across % ACROSS) * ROW_FOURS + (down + DOWN + across) % ROW_FOURS] = share1; }
}

fn share_at(across: u32, row_four: u32) -> vec4f {
  return weights[(across % ACROSS) * ROW_FOURS + (row_four + across) % ROW_FOURS];
}

/// The scores of four keys from `key` on, hidden from the rows whose limit they reach.
fn masked(s: mat4x4f, key: i32, limit: vec4i) -> mat4x4f {
  let hidden = vec4f(-infinity());
  return mat4x4f(select(hidden, s[0], vec4i(key) < limit), select(hidden, s[1], vec4i(key + 1) < limit),
    select(hidden, s[2], vec4i(key + 2) < limit), select(hidden, s[3], vec4i(key + 3) < limit));
}

fn max_of(s: mat4x4f) -> vec4f { return max(max(s[0], s[1]), max(s[2], s[3])); }

/// Stores the weights of four keys; returns their sum.
fn put_exp(s: mat4x4f, m: vec4f, column_four: u32, row_four: u32) -> vec4f {
  let p = mat4x4f(exp(s[0] - m), exp(s[1] - m), exp(s[2] - m), exp(s[3] - m));
  put_weights(column_four, row_four, p);
  return p[0] + p[1] + p[2] + p[3];
}

fn store_block(head: u32, row: u32, d: u32, o: mat4x4f) {
  let step = params.heads * params.width;
  let at = head + row * step;
  if (row < params.tokens) { store_y(at, d, o[0]); }
  if (row + 1u < params.tokens) { store_y(at + step, d, o[1]); }
  if (row + 2u < params.tokens) { store_y(at + 2u * step, d, o[2]); }
  if (row + 3u < params.tokens) { store_y(at + 3u * step, d, o[3]); }
}

fn store_lse(head: u32, row: u32, top: vec4f, total: vec4f) {
  let sums = select(top + log(total), vec4f(infinity()), total == vec4f());
  if (row < params.tokens) { lse[head + row] = sums.x; }
  if (row + 1u < params.tokens) { lse[head + row + 1u] = sums.y; }
  if (row + 2u < params.tokens) { lse[head + row + 2u] = sums.z; }
  if (row + 3u < params.tokens) { lse[head + row + 3u] = sums.w; }
}
