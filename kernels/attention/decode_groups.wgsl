enable subgroups;
// attention/decode_groups: attention of a few queries over a cache of keys and values, one workgroup per query.
// Contract of attention/naive, forward only, for rows of a multiple of 32 elements that start at multiples of 4. Eight
// lanes share a key, so that they read adjacent vec4s; each such group processes every GROUPS-th key, two at a time,
// with its own online softmax, and the groups are merged at the end. For real GPUs: attention/decode has one subgroup a
// query, whose lanes read a key each, and D / 4 vec4s of sums in a lane.
//   of a group   m = max s,  l = Σ exp(s - m),  o = Σ exp(s - m) · v
//   y = Σ over groups of o · exp(m - max m) / Σ l · exp(m - max m)
// Grid: T × B·H workgroups. f32. Traffic: k and v once a query head.
// uses: lib/attention_buffers.wgsl, lib/attention_operands.wgsl, lib/attention_mask.wgsl, lib/special_values.wgsl, lib/turns.wgsl

alias T = vec4<f32>;

const D = 32u; // tune: 32u 64u 96u 128u
const SG = 8u; // tune: 8u 16u 32u 64u
const LANES = 8u;
const GROUPS = 32u;
// vec4s of a row that a lane holds.
const QUADS = D / (4u * LANES);

struct Row { c0: vec4f, c1: vec4f, c2: vec4f, c3: vec4f }

// The larger half of the groups hands over m, l and o.
var<workgroup> tops: array<f32, GROUPS / 2u * LANES>;
var<workgroup> totals: array<f32, GROUPS / 2u * LANES>;
var<workgroup> rows: array<vec4f, GROUPS / 2u * LANES * QUADS>;

fn read_q(at: u32) -> Row {
  var row: Row;
  row.c0 = q[at];
  if (QUADS > 1u) { row.c1 = q[at + LANES]; }
  if (QUADS > 2u) { row.c2 = q[at + 2u * LANES]; }
  if (QUADS > 3u) { row.c3 = q[at + 3u * LANES]; }
  return row;
}

fn read_k(at: u32) -> Row {
  var row: Row;
  row.c0 = k[at];
  if (QUADS > 1u) { row.c1 = k[at + LANES]; }
  if (QUADS > 2u) { row.c2 = k[at + 2u * LANES]; }
  if (QUADS > 3u) { row.c3 = k[at + 3u * LANES]; }
  return row;
}

fn read_v(at: u32) -> Row {
  var row: Row;
  row.c0 = v[at];
  if (QUADS > 1u) { row.c1 = v[at + LANES]; }
  if (QUADS > 2u) { row.c2 = v[at + 2u * LANES]; }
  if (QUADS > 3u) { row.c3 = v[at + 3u * LANES]; }
  return row;
}

fn zeros_unless(counts: bool, a: Row) -> Row {
  let none = vec4f();
  return Row(select(none, a.c0, counts), select(none, a.c1, counts), select(none, a.c2, counts),
    select(none, a.c3, counts));
}

// scale · q·k, in every lane of the group.
fn score(a: Row, b: Row) -> f32 {
  var s = dot(a.c0 * b.c0 + a.c1 * b.c1 + (a.c2 * b.c2 + a.c3 * b.c3), vec4f(params.scale));
  s += subgroupShuffleXor(s, 4u);
  s += subgroupShuffleXor(s, 2u);
  s += subgroupShuffleXor(s, 1u);
  return s;
}

fn weighted(a: Row, by_a: f32, b: Row, by_b: f32) -> Row {
  return Row(a.c0 * by_a + b.c0 * by_b, a.c1 * by_a + b.c1 * by_b, a.c2 * by_a + b.c2 * by_b,
    a.c3 * by_a + b.c3 * by_b);
}

@compute @workgroup_size(GROUPS * LANES)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = wg.y / params.heads;
  let h = wg.y % params.heads;
  let i = wg.x;
  let group = lane / LANES;
  let own = lane % LANES;
  let end = visible_keys(b, i);
  let kv = b * params.kv_batch + (h / params.group) * params.kv_head;
  let query = read_q((params.q_offset + b * params.q_batch + h * params.q_head + i * params.q_token) / 4u + own);
  let keys = (params.k_offset + kv) / 4u + own;
  let values = (params.v_offset + kv) / 4u + own;
  var m = LEAST;
  var l = 0.0;
  var o: Row;
  var j = group;
  for (var left = turns(0u, end, 2u * GROUPS); left > 0u; left--) {
    // Past the end the last key once more, which counts nothing, and zeros for its values: 0 · ∞ is NaN.
    let at0 = min(j, end - 1u) * params.kv_token / 4u;
    let at1 = min(j + GROUPS, end - 1u) * params.kv_token / 4u;
    let k0 = read_k(keys + at0);
    let k1 = read_k(keys + at1);
    let v0 = zeros_unless(j < end, read_v(values + at0));
    let v1 = zeros_unless(j + GROUPS < end, read_v(values + at1));
    let s0 = select(LEAST, score(query, k0), j < end);
    let s1 = select(LEAST, score(query, k1), j + GROUPS < end);
    let top = max(m, max(s0, s1));
    let shrink = exp(m - top);
    let p0 = select(0.0, exp(s0 - top), j < end);
    let p1 = select(0.0, exp(s1 - top), j + GROUPS < end);
    o = weighted(weighted(o, shrink, v0, p0), 1.0, v1, p1);
    l = l * shrink + (p0 + p1);
    m = top;
    j += 2u * GROUPS;
  }

  for (var half = GROUPS / 2u; half > 0u; half /= 2u) {
    if (group >= half && group < 2u * half) {
      let to = lane - half * LANES;
      tops[to] = m;
      totals[to] = l;
      rows[to * QUADS] = o.c0;
      if (QUADS > 1u) { rows[to * QUADS + 1u] = o.c1; }
      if (QUADS > 2u) { rows[to * QUADS + 2u] = o.c2; }
      if (QUADS > 3u) { rows[to * QUADS + 3u] = o.c3; }
    }
    workgroupBarrier();
    if (group < half) {
      var other: Row;
      other.c0 = rows[lane * QUADS];
      if (QUADS > 1u) { other.c1 = rows[lane * QUADS + 1u]; }
      if (QUADS > 2u) { other.c2 = rows[lane * QUADS + 2u]; }
      if (QUADS > 3u) { other.c3 = rows[lane * QUADS + 3u]; }
      let top = max(m, tops[lane]);
      let shrink = exp(m - top);
      let share = exp(tops[lane] - top);
      o = weighted(o, shrink, other, share);
      l = l * shrink + totals[lane] * share;
      m = top;
    }
    workgroupBarrier();
  }
  if (group > 0u) { return; }
  let scale = select(1.0 / l, 0.0, l == 0.0);
  let to = ((b * params.tokens + i) * params.heads + h) * (D / 4u) + own;
  y[to] = o.c0 * scale;
  if (QUADS > 1u) { y[to + LANES] = o.c1 * scale; }
  if (QUADS > 2u) { y[to + 2u * LANES] = o.c2 * scale; }
  if (QUADS > 3u) { y[to + 3u * LANES] = o.c3 * scale; }
  if (own == 0u) { lse[wg.y * params.tokens + i] = select(m + log(l), infinity(), l == 0.0); }
}
