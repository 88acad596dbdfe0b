// Attention of one query by groups of eight lanes: the lanes of a group share a key, so that they read adjacent vec4s,
// and each group processes every GROUPS-th key, two at a time, with its own online softmax.
//   of a group   m = max s,  l = Σ exp(s - m),  o = Σ exp(s - m) · v
// Needs in the kernel: const D, lib/attention_buffers.wgsl, lib/attention_operands.wgsl, lib/special_values.wgsl,
// lib/turns.wgsl.

const LANES = 8u;
const GROUPS = 32u;
// vec4s of a row that a lane holds: own, own + LANES, …
const QUADS = D / (4u * LANES);

struct Row { c0: vec4f, c1: vec4f, c2: vec4f, c3: vec4f }
struct Sums { m: f32, l: f32, o: Row }

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

/// A lane's vec4s of query i.
fn query_of(b: u32, h: u32, i: u32, own: u32) -> Row {
  return read_q((params.q_offset + b * params.q_batch + h * params.q_head + i * params.q_token) / 4u + own);
}

/// The sums of a lane's group over keys first to end - 1, which must be the same in the whole workgroup.
fn attend(query: Row, b: u32, h: u32, first: u32, end: u32, lane: u32) -> Sums {
  let kv = b * params.kv_batch + (h / params.group) * params.kv_head;
  let keys = (params.k_offset + kv) / 4u + lane % LANES;
  let values = (params.v_offset + kv) / 4u + lane % LANES;
  var m = LEAST;
  var l = 0.0;
  var o: Row;
  var j = first + lane / LANES;
  for (var left = turns(first, end, 2u * GROUPS); left > 0u; left--) {
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
  return Sums(m, l, o);
}

/// The sums of two disjoint sets of keys, as one.
fn merged(a: Sums, b: Sums) -> Sums {
  let top = max(a.m, b.m);
  let shrink = exp(a.m - top);
  let share = exp(b.m - top);
  return Sums(top, a.l * shrink + b.l * share, weighted(a.o, shrink, b.o, share));
}

/// The sums of all groups, in group 0. Merged in a fixed order.
fn merged_groups(own: Sums, lane: u32) -> Sums {
  var sums = own;
  let group = lane / LANES;
  for (var half = GROUPS / 2u; half > 0u; half /= 2u) {
    if (group >= half && group < 2u * half) {
      let to = lane - half * LANES;
      tops[to] = sums.m;
      totals[to] = sums.l;
      rows[to * QUADS] = sums.o.c0;
      if (QUADS > 1u) { rows[to * QUADS + 1u] = sums.o.c1; }
      if (QUADS > 2u) { rows[to * QUADS + 2u] = sums.o.c2; }
      if (QUADS > 3u) { rows[to * QUADS + 3u] = sums.o.c3; }
    }
    workgroupBarrier();
    if (group < half) {
      var other: Row;
      other.c0 = rows[lane * QUADS];
      if (QUADS > 1u) { other.c1 = rows[lane * QUADS + 1u]; }
      if (QUADS > 2u) { other.c2 = rows[lane * QUADS + 2u]; }
      if (QUADS > 3u) { other.c3 = rows[lane * QUADS + 3u]; }
      sums = merged(sums, Sums(tops[lane], totals[lane], other));
    }
    workgroupBarrier();
  }
  return sums;
}

/// y of query i and its log of the sum of exponentials, by group 0.
fn store_row(b: u32, bh: u32, h: u32, i: u32, own: u32, sums: Sums) {
  let scale = select(1.0 / sums.l, 0.0, sums.l == 0.0);
  let to = ((b * params.tokens + i) * params.heads + h) * (D / 4u) + own;
  y[to] = sums.o.c0 * scale;
  if (QUADS > 1u) { y[to + LANES] = sums.o.c1 * scale; }
  if (QUADS > 2u) { y[to + 2u * LANES] = sums.o.c2 * scale; }
  if (QUADS > 3u) { y[to + 3u * LANES] = sums.o.c3 * scale; }
  if (own == 0u) { lse[bh * params.tokens + i] = select(sums.m + log(sums.l), infinity(), sums.l == 0.0); }
}
