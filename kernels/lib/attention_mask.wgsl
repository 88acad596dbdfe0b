// Which keys a query sees: always the first ones, so a count suffices: min(key_cap(b), query_place(b) + i + 1) for
// query i.
// Needs in the kernel: lib/attention_buffers.wgsl.
// flags: 1 = causal, 2 = bounds[b] valid keys, 4 = query i stands at bounds[0] + i (instead of keys - tokens + i), 8 =
// at bounds[b] + i.

/// Keys that are there.
fn key_cap(b: u32) -> i32 {
  let keys = i32(params.keys);
  if ((params.flags & 2u) != 0u) { return min(keys, bounds[b]); }
  return keys;
}

/// The key that query 0 stands at; beyond every key when attention is not causal.
fn query_place(b: u32) -> i32 {
  if ((params.flags & 1u) == 0u) { return 1 << 30u; }
  if ((params.flags & 4u) != 0u) { return bounds[select(0u, b, (params.flags & 8u) != 0u)]; }
  return i32(params.keys) - i32(params.tokens);
}

fn visible_keys(b: u32, i: u32) -> u32 {
  return u32(max(min(key_cap(b), query_place(b) + i32(i) + 1), 0));
}
