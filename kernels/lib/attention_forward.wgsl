// Attention by tiles of BM queries with an online softmax, one subgroup per tile; no shared memory, no barrier: lanes
// exchange data by broadcasts and shuffles.
//   scores   lane l holds keys 4·l … 4·l + 3 of a tile of 4·SG for all BM queries; a query's numbers come from the lane
//            that loaded its row
//   output   lane l holds vec4s l, l + SG, … of all BM output rows; a probability comes from the lane that holds its
//            key
// Needs in the kernel: `enable subgroups;`, const D and SG, lib/attention_buffers.wgsl, lib/attention_mask.wgsl,
// lib/attention_tile.wgsl, lib/attention_scores.wgsl, lib/subgroup_reduce.wgsl, lib/place_of.wgsl,
// lib/special_values.wgsl, and lib/attention_places.wgsl or lib/attention_texels.wgsl.

const BM = 16u;
const BN = 4u * SG;
const QUADS = D / 4u;
const OWN = QUADS / SG;

fn attend(wg: vec3u, lane: u32) {
  let b = wg.y / params.heads;
  let h = wg.y % params.heads;
  let first = wg.x * BM;
  let rows = min(BM, params.tokens - first);
  let cap = key_cap(b);
  let place = query_place(b) + 1 + i32(first);
  let end = u32(max(min(cap, place + i32(rows) - 1), 0)); // keys that some query of the tile sees
  let shared_end = u32(max(min(cap, place), 0)); // keys that all of them see
  let query = place_of(params.q_offset + b * params.q_batch + h * params.q_head, params.q_token);
  let kv = b * params.kv_batch + (h / params.group) * params.kv_head;
  let key = place_of(params.k_offset + kv, params.kv_token);
  let value = place_of(params.v_offset + kv, params.kv_token) + vec2u(lane, 0u);

  var top: array<f32, BM>;
  var total: array<f32, BM>;
  var a: array<vec4f, BM / SG>;
  var s: array<vec4f, BM>;
  var o: array<vec4f, BM * OWN>;
  for (var r = 0u; r < BM; r++) { top[r] = LEAST; } // not -∞, since ∞ - ∞ would be NaN

  let hidden = vec4f(-infinity());
  for (var j = 0u; j < end; j += BN) {
    let k0 = key + vec2u(0u, min(j + 4u * lane, end - 1u));
    let k1 = key + vec2u(0u, min(j + 4u * lane + 1u, end - 1u));
    let k2 = key + vec2u(0u, min(j + 4u * lane + 2u, end - 1u));
    let k3 = key + vec2u(0u, min(j + 4u * lane + 3u, end - 1u));
    // explicitly: not every driver clears an array declared in a loop again
    for (var r = 0u; r < BM; r++) { s[r] = vec4f(); }
    for (var c = 0u; c < QUADS; c++) {
      let at = vec2u(c, 0u);
      let b0 = load_k(k0 + at);
      let b1 = load_k(k1 + at);
      let b2 = load_k(k2 + at);
      let b3 = load_k(k3 + at);
      for (var g = 0u; g < BM / SG; g++) {
        a[g] = load_q(query + vec2u(c, first + min(g * SG + lane, rows - 1u))) * params.scale;
      }
      add_scores(&s, a, b0, b1, b2, b3);
    }
    if (j + BN > shared_end) {
      let at = vec4i(i32(j + 4u * lane)) + vec4i(0, 1, 2, 3);
      for (var r = 0u; r < BM; r++) { s[r] = select(hidden, s[r], at < vec4i(min(cap, place + i32(r)))); }
    }
    for (var r = 0u; r < BM; r++) {
      let m = max(top[r], subgroup_max(max(max(s[r].x, s[r].y), max(s[r].z, s[r].w))));
      let shrink = exp(top[r] - m);
      s[r] = exp(s[r] - m);
      total[r] = total[r] * shrink + dot(s[r], vec4f(1.0));
      top[r] = m;
      for (var e = 0u; e < OWN; e++) { o[r * OWN + e] *= shrink; }
    }
    let lanes = min(SG, (end - j + 3u) / 4u);
    for (var t = 0u; t < lanes; t++) {
      let at = j + 4u * t;
      for (var e = 0u; e < OWN; e++) {
        let v0 = load_v(value + vec2u(e * SG, at));
        let v1 = value_or_zero(value + vec2u(e * SG, min(at + 1u, end - 1u)), at + 1u < end);
        let v2 = value_or_zero(value + vec2u(e * SG, min(at + 2u, end - 1u)), at + 2u < end);
        let v3 = value_or_zero(value + vec2u(e * SG, min(at + 3u, end - 1u)), at + 3u < end);
        for (var r = 0u; r < BM; r++) { o[r * OWN + e] += mix4(subgroupShuffle(s[r], t), v0, v1, v2, v3); }
      }
    }
  }

  for (var r = 0u; r < rows; r++) {
    let sum = subgroup_sum(total[r]);
    let to = ((b * params.tokens + first + r) * params.heads + h) * QUADS + lane;
    let scale = select(1.0 / sum, 0.0, sum == 0.0);
    for (var e = 0u; e < OWN; e++) { y[to + e * SG] = o[r * OWN + e] * scale; }
    if (lane == 0u) { lse[wg.y * params.tokens + first + r] = select(top[r] + log(sum), infinity(), sum == 0.0); }
  }
}

/// Stop at the last key: 0 times an infinite value would be NaN.
fn value_or_zero(place: vec2u, is_key: bool) -> vec4f { return select(vec4f(), load_v(place), is_key); }
