// The gradients of attention in one pass by tiles of BM keys and 4·SG queries, one subgroup for one key and value head:
// the scores are recomputed only once; no shared memory, no atomics.
//   s = scale · k·qᵀ,  p = exp(s - lse),  ds = p · (v·dyᵀ - Σ dy · y) · scale;   dv += p·dy,  dk += ds·q,  dq += dsᵀ·k
//   scores   lane l holds queries 4·l … 4·l + 3 of a tile for all BM keys
//   output   lane l holds vec4s l, l + SG, … of the rows of dk and dv, and adds its vec4s to dq in memory: only this
//            subgroup writes that head's rows
// Needs in the kernel: `enable subgroups;`, const D and SG, lib/attention_buffers.wgsl, lib/attention_tile.wgsl,
// lib/attention_scores.wgsl, lib/place_of.wgsl, and lib/attention_places.wgsl or lib/attention_texels.wgsl.

const BM = 16u;
const BN = 4u * SG;
const QUADS = D / 4u;
const OWN = QUADS / SG;

fn attend_back(wg: vec3u, lane: u32) {
  let kv_heads = params.heads / params.group;
  let b = wg.x / kv_heads;
  let kv_head = wg.x % kv_heads;
  let kv = b * params.kv_batch + kv_head * params.kv_head;
  let key = place_of(params.k_offset + kv, params.kv_token);
  let value = place_of(params.v_offset + kv, params.kv_token);
  let dy_step = params.heads * QUADS;

  // 16, but not for the compiler: an unrolled loop is no faster and takes seconds to compile
  let every = BM + params.width - D;
  var a: array<vec4f, BM / SG>;
  var s: array<vec4f, BM>;
  var ds: array<vec4f, BM>;
  var k_own: array<vec4f, BM * OWN>;
  var dk_own: array<vec4f, BM * OWN>;
  var dv_own: array<vec4f, BM * OWN>;

  for (var j = 0u; j < params.keys; j += BM) {
    let rows = min(BM, params.keys - j);
    for (var r = 0u; r < rows; r++) { // rows past the end keep old values, which are multiplied by zeros
      for (var e = 0u; e < OWN; e++) { k_own[r * OWN + e] = load_k(key + vec2u(lane + e * SG, j + r)); }
    }
    for (var r = 0u; r < BM * OWN; r++) {
      dk_own[r] = vec4f();
      dv_own[r] = vec4f();
    }
    for (var h = kv_head * params.group; h < (kv_head + 1u) * params.group; h++) {
      let query = place_of(params.q_offset + b * params.q_batch + h * params.q_head, params.q_token);
      let dy_at = vec2u(h * QUADS, b * params.tokens);
      let dy_row = (b * params.tokens * params.heads + h) * QUADS;
      let stat = (b * params.heads + h) * params.tokens;
      var begin = 0u; // tiles of queries that see none of these keys come first
      while (begin < params.tokens && u32(stats_saved[stat + min(begin + BN, params.tokens) - 1u].z) <= j) {
        begin += BN; }
      for (var i = begin; i < params.tokens; i += BN) {
        let last = min(i + BN, params.tokens) - 1u;
        let i0 = min(i + 4u * lane, last);
        let i1 = min(i + 4u * lane + 1u, last);
        let i2 = min(i + 4u * lane + 2u, last);
        let i3 = min(i + 4u * lane + 3u, last);
        for (var r = 0u; r < BM; r++) {
          s[r] = vec4f();
          ds[r] = vec4f();
        }
        for (var c = 0u; c < QUADS; c++) {
          let b0 = load_q(query + vec2u(c, i0));
          let b1 = load_q(query + vec2u(c, i1));
          let b2 = load_q(query + vec2u(c, i2));
          let b3 = load_q(query + vec2u(c, i3));
          for (var g = 0u; g < BM / SG; g++) {
            a[g] = load_k(key + vec2u(c, j + min(g * SG + lane, rows - 1u))) * params.scale;
          }
          add_scores(&s, a, b0, b1, b2, b3);
        }
        for (var c = 0u; c < QUADS; c++) {
          let b0 = load_dy(dy_at + vec2u(c, i0));
          let b1 = load_dy(dy_at + vec2u(c, i1));
          let b2 = load_dy(dy_at + vec2u(c, i2));
          let b3 = load_dy(dy_at + vec2u(c, i3));
          for (var g = 0u; g < BM / SG; g++) { a[g] = load_v(value + vec2u(c, j + min(g * SG + lane, rows - 1u))); }
          add_scores(&ds, a, b0, b1, b2, b3);
        }
        let stat0 = stats_saved[stat + i0];
        let stat1 = stats_saved[stat + i1];
        let stat2 = stats_saved[stat + i2];
        let stat3 = stats_saved[stat + i3];
        let lse = vec4f(stat0.x, stat1.x, stat2.x, stat3.x);
        let along = vec4f(stat0.y, stat1.y, stat2.y, stat3.y);
        let there = vec4u(i + 4u * lane) + vec4u(0u, 1u, 2u, 3u) <= vec4u(last);
        let seen = select(vec4f(), vec4f(stat0.z, stat1.z, stat2.z, stat3.z), there);
        for (var r = 0u; r < every; r++) {
          s[r] = select(vec4f(), exp(s[r] - lse), vec4f(f32(j + r)) < seen);
          ds[r] = s[r] * (ds[r] - along) * params.scale;
        }
        let lanes = (last - i) / 4u + 1u;
        for (var t = 0u; t < lanes; t++) {
          let n0 = i + 4u * t;
          for (var e = 0u; e < OWN; e++) {
            let start = dy_at + vec2u(lane + e * SG, 0u);
            let d0 = load_dy(start + vec2u(0u, n0));
            let d1 = load_dy(start + vec2u(0u, min(n0 + 1u, last)));
            let d2 = load_dy(start + vec2u(0u, min(n0 + 2u, last)));
            let d3 = load_dy(start + vec2u(0u, min(n0 + 3u, last)));
            for (var r = 0u; r < BM; r++) { dv_own[r * OWN + e] += mix4(subgroupShuffle(s[r], t), d0, d1, d2, d3); }
          }
        }
        for (var t = 0u; t < lanes; t++) {
          let n0 = i + 4u * t;
          for (var e = 0u; e < OWN; e++) {
            let start = query + vec2u(lane + e * SG, 0u);
            let q0 = load_q(start + vec2u(0u, n0));
            let q1 = load_q(start + vec2u(0u, min(n0 + 1u, last)));
            let q2 = load_q(start + vec2u(0u, min(n0 + 2u, last)));
            let q3 = load_q(start + vec2u(0u, min(n0 + 3u, last)));
            for (var r = 0u; r < BM; r++) { dk_own[r * OWN + e] += mix4(subgroupShuffle(ds[r], t), q0, q1, q2, q3); }
          }
        }
        for (var t = 0u; t < lanes; t++) {
          let n0 = i + 4u * t;
          for (var e = 0u; e < OWN; e++) {
            var w0 = vec4f();
            var w1 = vec4f();
            var w2 = vec4f();
            var w3 = vec4f();
            for (var r = 0u; r < BM; r++) {
              let p = subgroupShuffle(ds[r], t);
              let own = k_own[r * OWN + e];
              w0 += p.x * own;
              w1 += p.y * own;
              w2 += p.z * own;
              w3 += p.w * own;
            }
            let to_row = dy_row + n0 * dy_step + lane + e * SG;
            var sums = array(w0, w1, w2, w3);
            for (var n = 0u; n < min(4u, last + 1u - n0); n++) { dq[to_row + n * dy_step] += sums[n]; }
          }
        }
      }
    }
    for (var r = 0u; r < rows; r++) {
      for (var e = 0u; e < OWN; e++) {
        let to = ((b * params.keys + j + r) * kv_heads + kv_head) * QUADS + lane + e * SG;
        dk[to] = dk_own[r * OWN + e];
        dv[to] = dv_own[r * OWN + e];
      }
    }
  }
}
