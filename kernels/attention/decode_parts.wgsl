enable subgroups;
// attention/decode_parts: attention of a few queries over a long cache of keys and values. Contract of attention/naive,
// forward only, for rows of a multiple of 32 elements that start at multiples of 4. A query's keys are divided into
// parts of PART, and each part is a workgroup like that of attention/decode_groups, which leaves most of a GPU idle
// when there are few queries and heads. A second dispatch merges the parts.
//   of a part   m = max s,  l = Σ exp(s - m),  o = Σ exp(s - m) · v
//   y = Σ over parts of o · exp(m - max m) / Σ l · exp(m - max m)
// Parts begin at multiples of PART and are merged in a fixed order, so the bits depend neither on the other rows nor on
// the room after the last visible key; over one part they are those of attention/decode_groups. A part without visible
// keys writes nothing, and nothing is read of it.
// Grid: forward T × B·H × parts workgroups, combine T × B·H. f32. Traffic: k and v once a query head; D + 4 floats a
// part, written and read. Source: Dao et al. 2023 (Flash-Decoding).
// uses: lib/attention_buffers.wgsl, lib/attention_operands.wgsl, lib/attention_groups.wgsl, lib/attention_mask.wgsl, lib/special_values.wgsl, lib/turns.wgsl

alias T = vec4<f32>;

const D = 32u; // tune: 32u 64u 96u 128u
const SG = 8u; // tune: 8u 16u 32u 64u
const PART = 256u; // tune: 64u 128u 256u 512u

// Of part p of row r: D / 4 vec4s of o and one of m and l, from (p · rows + r) · (D / 4 + 1) on.
@group(0) @binding(15) var<storage, read_write> parts: array<vec4f>;

@compute @workgroup_size(GROUPS * LANES)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let b = wg.y / params.heads;
  let h = wg.y % params.heads;
  let first = wg.z * PART;
  let end = min(visible_keys(b, wg.x), first + PART);
  if (first >= end) { return; }
  let own = lane % LANES;
  let sums = merged_groups(attend(query_of(b, h, wg.x, own), b, h, first, end, lane), lane);
  if (lane >= LANES) { return; }
  let to = ((wg.z * count.y + wg.y) * count.x + wg.x) * (D / 4u + 1u) + own;
  parts[to] = sums.o.c0;
  if (QUADS > 1u) { parts[to + LANES] = sums.o.c1; }
  if (QUADS > 2u) { parts[to + 2u * LANES] = sums.o.c2; }
  if (QUADS > 3u) { parts[to + 3u * LANES] = sums.o.c3; }
  if (own == 0u) { parts[to + QUADS * LANES] = vec4f(sums.m, sums.l, 0.0, 0.0); }
}

@compute @workgroup_size(GROUPS * LANES)
fn combine(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let b = wg.y / params.heads;
  let used = turns(0u, visible_keys(b, wg.x), PART);
  let own = lane % LANES;
  let pitch = count.x * count.y * (D / 4u + 1u);
  var part = lane / LANES;
  var sums = Sums(LEAST, 0.0, Row());
  for (var left = turns(part, used, GROUPS); left > 0u; left--) {
    let at = part * pitch + (wg.y * count.x + wg.x) * (D / 4u + 1u);
    var o: Row;
    o.c0 = parts[at + own];
    if (QUADS > 1u) { o.c1 = parts[at + own + LANES]; }
    if (QUADS > 2u) { o.c2 = parts[at + own + 2u * LANES]; }
    if (QUADS > 3u) { o.c3 = parts[at + own + 3u * LANES]; }
    let of_part = parts[at + D / 4u];
    sums = merged(sums, Sums(of_part.x, of_part.y, o));
    part += GROUPS;
  }
  sums = merged_groups(sums, lane);
  if (lane < LANES) { store_row(b, wg.y, wg.y % params.heads, wg.x, lane, sums); }
}
