enable subgroups;
// attention/forward_subgroup: attention by tiles of 16 queries with an online softmax, one subgroup a tile. Contract of attention/naive, for rows that
// start at multiples of 4 elements. No shared memory, no barrier: what lanes share goes by broadcasts.
//   scores   lane l holds keys 4·l … 4·l + 3 of a tile of 4·SG for all 16 queries; a query's numbers come from the lane that loaded its row
//   output   lane l holds quads l, l + SG, … of all 16 output rows; a probability comes from the lane that holds its key
// Grid: ceil(T / 16) × B·H workgroups of one subgroup. f32. The lanes of the broadcasts must be constants, hence the 16 lines.
// Source: Dao 2023 (FlashAttention-2).
// uses: lib/attention_mask.wgsl, lib/attention_tile.wgsl, lib/subgroup_reduce.wgsl

struct Params {
  tokens: u32, keys: u32, heads: u32, group: u32, width: u32,
  q_batch: u32, q_head: u32, q_token: u32, q_offset: u32,
  kv_batch: u32, kv_head: u32, kv_token: u32, k_offset: u32, v_offset: u32,
  scale: f32, flags: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> bounds: array<i32>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> lse: array<f32>;

const D = 32u; // tune: 16u 32u 64u 96u 128u
const SG = 8u; // tune: 4u 8u 16u
const BM = 16u;
const BN = 4u * SG;
const QUADS = D / 4u;
const OWN = QUADS / SG;

@compute @workgroup_size(SG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = wg.y / params.heads;
  let h = wg.y % params.heads;
  let first = wg.x * BM;
  let rows = min(BM, params.tokens - first);
  let cap = key_cap(b);
  let place = query_place(b) + 1 + i32(first);
  let end = u32(max(min(cap, place + i32(rows) - 1), 0)); // keys that some query of the tile sees
  let shared_end = u32(max(min(cap, place), 0)); // keys that all of them see
  let query = (params.q_offset + b * params.q_batch + h * params.q_head) / 4u;
  let kv = b * params.kv_batch + (h / params.group) * params.kv_head;
  let key = (params.k_offset + kv) / 4u;
  let value = (params.v_offset + kv) / 4u + lane;
  let step = params.kv_token / 4u;

  var q_at: array<u32, BM / SG>;
  for (var g = 0u; g < BM / SG; g++) { q_at[g] = query + (first + min(g * SG + lane, rows - 1u)) * (params.q_token / 4u); }
  var top: array<f32, BM>;
  var total: array<f32, BM>;
  var a: array<vec4f, BM / SG>;
  var s: array<vec4f, BM>;
  var o: array<vec4f, BM * OWN>;
  for (var r = 0u; r < BM; r++) { top[r] = -1e30; }

  for (var j = 0u; j < end; j += BN) {
    let k0 = key + min(j + 4u * lane, end - 1u) * step;
    let k1 = key + min(j + 4u * lane + 1u, end - 1u) * step;
    let k2 = key + min(j + 4u * lane + 2u, end - 1u) * step;
    let k3 = key + min(j + 4u * lane + 3u, end - 1u) * step;
    for (var r = 0u; r < BM; r++) { s[r] = vec4f(); } // by hand: an array declared in a loop is not cleared again by every driver
    for (var c = 0u; c < QUADS; c++) {
      let b0 = k[k0 + c];
      let b1 = k[k1 + c];
      let b2 = k[k2 + c];
      let b3 = k[k3 + c];
      for (var g = 0u; g < BM / SG; g++) { a[g] = q[q_at[g] + c] * params.scale; }
      s[0] += dots(subgroupBroadcast(a[0u / SG], 0u % SG), b0, b1, b2, b3);
      s[1] += dots(subgroupBroadcast(a[1u / SG], 1u % SG), b0, b1, b2, b3);
      s[2] += dots(subgroupBroadcast(a[2u / SG], 2u % SG), b0, b1, b2, b3);
      s[3] += dots(subgroupBroadcast(a[3u / SG], 3u % SG), b0, b1, b2, b3);
      s[4] += dots(subgroupBroadcast(a[4u / SG], 4u % SG), b0, b1, b2, b3);
      s[5] += dots(subgroupBroadcast(a[5u / SG], 5u % SG), b0, b1, b2, b3);
      s[6] += dots(subgroupBroadcast(a[6u / SG], 6u % SG), b0, b1, b2, b3);
      s[7] += dots(subgroupBroadcast(a[7u / SG], 7u % SG), b0, b1, b2, b3);
      s[8] += dots(subgroupBroadcast(a[8u / SG], 8u % SG), b0, b1, b2, b3);
      s[9] += dots(subgroupBroadcast(a[9u / SG], 9u % SG), b0, b1, b2, b3);
      s[10] += dots(subgroupBroadcast(a[10u / SG], 10u % SG), b0, b1, b2, b3);
      s[11] += dots(subgroupBroadcast(a[11u / SG], 11u % SG), b0, b1, b2, b3);
      s[12] += dots(subgroupBroadcast(a[12u / SG], 12u % SG), b0, b1, b2, b3);
      s[13] += dots(subgroupBroadcast(a[13u / SG], 13u % SG), b0, b1, b2, b3);
      s[14] += dots(subgroupBroadcast(a[14u / SG], 14u % SG), b0, b1, b2, b3);
      s[15] += dots(subgroupBroadcast(a[15u / SG], 15u % SG), b0, b1, b2, b3);
    }
    if (j + BN > shared_end) {
      let at = vec4i(i32(j + 4u * lane)) + vec4i(0, 1, 2, 3);
      for (var r = 0u; r < BM; r++) { s[r] = select(vec4f(-3e38), s[r], at < vec4i(min(cap, place + i32(r)))); }
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
        let v0 = v[value + at * step + e * SG];
        let v1 = v[value + min(at + 1u, end - 1u) * step + e * SG];
        let v2 = v[value + min(at + 2u, end - 1u) * step + e * SG];
        let v3 = v[value + min(at + 3u, end - 1u) * step + e * SG];
        for (var r = 0u; r < BM; r++) { o[r * OWN + e] += mix4(subgroupShuffle(s[r], t), v0, v1, v2, v3); }
      }
    }
  }

  for (var r = 0u; r < rows; r++) {
    let sum = subgroup_sum(total[r]);
    let to = ((b * params.tokens + first + r) * params.heads + h) * QUADS + lane;
    let scale = select(1.0 / sum, 0.0, sum == 0.0);
    for (var e = 0u; e < OWN; e++) { y[to + e * SG] = o[r * OWN + e] * scale; }
    if (lane == 0u) { lse[wg.y * params.tokens + first + r] = select(top[r] + log(sum), 3.0e38, sum == 0.0); }
  }
}
