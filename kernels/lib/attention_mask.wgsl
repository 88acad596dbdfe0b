// Which keys a query sees: always the first ones, so a count says it.
// Needs in the kernel: params with keys, tokens and flags, and the binding `bounds`, array<i32>.
// flags: 1 = causal, 2 = bounds[b] valid keys, 4 = query i stands at bounds[0] + i (instead of keys - tokens + i), 8 = at bounds[b] + i.

fn visible_keys(b: u32, i: u32) -> u32 {
  var count = i32(params.keys);
  if ((params.flags & 1u) != 0u) {
    var first = i32(params.keys) - i32(params.tokens);
    if ((params.flags & 4u) != 0u) { first = bounds[select(0u, b, (params.flags & 8u) != 0u)]; }
    count = min(count, first + i32(i) + 1);
  }
  if ((params.flags & 2u) != 0u) { count = min(count, bounds[b]); }
  return u32(max(count, 0));
}
