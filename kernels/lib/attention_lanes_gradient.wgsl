// What both gradients of attention by lanes fetch besides q, k and v.
// Needs in the kernel: lib/attention_buffers.wgsl, and lib/attention_rows.wgsl or lib/attention_rows_vec4.wgsl.

fn dy_block(head: u32, row: u32, d: u32) -> mat4x4f {
  let last = params.tokens - 1u;
  let step = params.heads * params.width;
  return mat4x4f(load_dy(head + min(row, last) * step, d), load_dy(head + min(row + 1u, last) * step, d),
    load_dy(head + min(row + 2u, last) * step, d), load_dy(head + min(row + 3u, last) * step, d));
}

/// Query i's log-sum-exp, Σ dy · y and number of keys; no key past the last query.
fn stat_at(stats: u32, i: u32) -> vec4f {
  return select(vec4f(), stats_saved[stats + min(i, params.tokens - 1u)], i < params.tokens);
}
