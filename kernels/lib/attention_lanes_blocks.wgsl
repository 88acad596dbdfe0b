// What a lane fetches: four rows by four numbers of q, k or v, from number d of a head's row on. Past the last row it
// is the last one again; of v nothing, since a weight of 0 would make NaN of a value that is infinite.
// Needs in the kernel: lib/attention_buffers.wgsl, and lib/attention_rows.wgsl or lib/attention_rows_vec4.wgsl.

fn q_block(head: u32, row: u32, d: u32) -> mat4x4f {
  let last = params.tokens - 1u;
  let step = params.q_token;
  return mat4x4f(load_q(head + min(row, last) * step, d), load_q(head + min(row + 1u, last) * step, d),
    load_q(head + min(row + 2u, last) * step, d), load_q(head + min(row + 3u, last) * step, d));
}

fn k_block(head: u32, row: u32, d: u32, end: u32) -> mat4x4f {
  let last = max(end, 1u) - 1u;
  let first = params.k_offset + head;
  let step = params.kv_token;
  return mat4x4f(load_k(first + min(row, last) * step, d), load_k(first + min(row + 1u, last) * step, d),
    load_k(first + min(row + 2u, last) * step, d), load_k(first + min(row + 3u, last) * step, d));
}

fn v_block(head: u32, row: u32, d: u32, end: u32) -> mat4x4f {
  return mat4x4f(value_or_zero(head, row, d, end), value_or_zero(head, row + 1u, d, end),
    value_or_zero(head, row + 2u, d, end), value_or_zero(head, row + 3u, d, end));
}

fn value_or_zero(head: u32, row: u32, d: u32, end: u32) -> vec4f {
  let last = max(end, 1u) - 1u;
  return select(vec4f(), load_v(params.v_offset + head + min(row, last) * params.kv_token, d), row < end);
}
