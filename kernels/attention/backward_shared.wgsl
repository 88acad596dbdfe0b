// attention/backward_shared: the gradients of attention by tiles of 32 × 32 in workgroup memory. Contract of attention/naive, for any strides and
// D up to 128. For real GPUs: 64 lanes as 8 × 8, each with a 4 × 4 block of scores and 4 rows of every 32 columns of the result.
//   backward_q   rows = queries: ds = p · (dy·vᵀ - Σ dy · y) · scale with p = exp(s - lse);  dq = ds·k
//   backward_kv  rows = keys, over the queries of all heads of the group:  dv = pᵀ·dy,  dk = dsᵀ·q
// Grid: ceil(T / 32) × B·H workgroups, ceil(S / 32) × B·H/group for dk and dv. f32, no atomics. Source: Dao 2023 (FlashAttention-2).
// uses: lib/attention_block.wgsl

struct Params {
  tokens: u32, keys: u32, heads: u32, group: u32, width: u32,
  q_batch: u32, q_head: u32, q_token: u32, q_offset: u32,
  kv_batch: u32, kv_head: u32, kv_token: u32, k_offset: u32, v_offset: u32,
  scale: f32, flags: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read> stats_saved: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> dq: array<f32>;
@group(0) @binding(7) var<storage, read_write> dk: array<f32>;
@group(0) @binding(8) var<storage, read_write> dv: array<f32>;

const D = 32u; // tune: 32u 64u 96u 128u
const WG = 64u;
const TILE = 32u;
const PITCH = 33u;
const PIECES = D / TILE;

var<workgroup> left: array<f32, TILE * PITCH>;
var<workgroup> right: array<f32, TILE * PITCH>;
var<workgroup> weights: array<f32, TILE * PITCH>;

struct Head { q: u32, k: u32, v: u32, dy: u32, stat: u32 }

fn head_of(b: u32, h: u32) -> Head {
  let kv = b * params.kv_batch + (h / params.group) * params.kv_head;
  let first = b * params.tokens * params.heads + h;
  return Head(params.q_offset + b * params.q_batch + h * params.q_head, params.k_offset + kv, params.v_offset + kv, first * params.width, (b * params.heads + h) * params.tokens);
}

// One element of each operand, 0 outside.
fn q_at(head: Head, i: u32, d: u32) -> f32 { if (i < params.tokens && d < params.width) { return q[head.q + i * params.q_token + d]; } return 0.0; }
fn k_at(head: Head, j: u32, d: u32) -> f32 { if (j < params.keys && d < params.width) { return k[head.k + j * params.kv_token + d]; } return 0.0; }
fn v_at(head: Head, j: u32, d: u32) -> f32 { if (j < params.keys && d < params.width) { return v[head.v + j * params.kv_token + d]; } return 0.0; }
fn dy_at(head: Head, i: u32, d: u32) -> f32 { if (i < params.tokens && d < params.width) { return dy[head.dy + i * params.heads * params.width + d]; } return 0.0; }

/// Query i's log-sum-exp, Σ dy · y and number of keys; no key outside.
fn stat_at(head: Head, i: u32) -> vec3f { if (i < params.tokens) { return stats_saved[head.stat + i].xyz; } return vec3f(); }

@compute @workgroup_size(WG)
fn backward_q(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let head = head_of(wg.y / params.heads, wg.y % params.heads);
  let first = wg.x * TILE;
  let row = 4u * (lane / 8u);
  let column = lane % 8u;
  let end = u32(stats_saved[head.stat + min(first + TILE, params.tokens) - 1u].z);
  let stat0 = stat_at(head, first + row);
  let stat1 = stat_at(head, first + row + 1u);
  let stat2 = stat_at(head, first + row + 2u);
  let stat3 = stat_at(head, first + row + 3u);
  let lse = vec4f(stat0.x, stat1.x, stat2.x, stat3.x);
  let along = vec4f(stat0.y, stat1.y, stat2.y, stat3.y);
  let seen = vec4f(stat0.z, stat1.z, stat2.z, stat3.z);
  var sum: array<vec4f, 4u * PIECES>;
  for (var j = 0u; j < end; j += TILE) {
    var s: array<vec4f, 4>;
    var ds: array<vec4f, 4>;
    for (var n = 0u; n < 4u; n++) {
      s[n] = vec4f();
      ds[n] = vec4f();
    }
    for (var piece = 0u; piece < D; piece += TILE) {
      for (var n = lane; n < TILE * TILE; n += WG) {
        left[(n / TILE) * PITCH + n % TILE] = q_at(head, first + n / TILE, piece + n % TILE);
        right[(n / TILE) * PITCH + n % TILE] = k_at(head, j + n / TILE, piece + n % TILE);
      }
      workgroupBarrier();
      for (var n = 0u; n < 4u; n++) { s[n] += rows_dot(row, column + 8u * n); }
      workgroupBarrier();
      for (var n = lane; n < TILE * TILE; n += WG) {
        left[(n / TILE) * PITCH + n % TILE] = dy_at(head, first + n / TILE, piece + n % TILE);
        right[(n / TILE) * PITCH + n % TILE] = v_at(head, j + n / TILE, piece + n % TILE);
      }
      workgroupBarrier();
      for (var n = 0u; n < 4u; n++) { ds[n] += rows_dot(row, column + 8u * n); }
      workgroupBarrier();
    }
    for (var n = 0u; n < 4u; n++) {
      let p = select(vec4f(), exp(s[n] * params.scale - lse), vec4f(f32(j + column + 8u * n)) < seen);
      ds[n] = p * (ds[n] - along) * params.scale;
    }
    put_weights(row, column, ds[0], ds[1], ds[2], ds[3]);
    for (var piece = 0u; piece < PIECES; piece++) {
      for (var n = lane; n < TILE * TILE; n += WG) { right[(n / TILE) * PITCH + n % TILE] = k_at(head, j + n / TILE, piece * TILE + n % TILE); }
      workgroupBarrier();
      for (var n = 0u; n < 4u; n++) { sum[4u * piece + n] += weighted_rows(row, column + 8u * n); }
      workgroupBarrier();
    }
  }
  for (var n = 0u; n < 4u * PIECES; n++) {
    let d = (n / 4u) * TILE + 8u * (n % 4u) + column;
    for (var r = 0u; r < 4u; r++) {
      if (d < params.width && first + row + r < params.tokens) { dq[head.dy + (first + row + r) * params.heads * params.width + d] = sum[n][r]; }
    }
  }
}

@compute @workgroup_size(WG)
fn backward_kv(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let kv_heads = params.heads / params.group;
  let b = wg.y / kv_heads;
  let first = wg.x * TILE;
  let row = 4u * (lane / 8u);
  let column = lane % 8u;
  let keys = vec4f(f32(first + row)) + vec4f(0.0, 1.0, 2.0, 3.0);
  var dk_sum: array<vec4f, 4u * PIECES>;
  var dv_sum: array<vec4f, 4u * PIECES>;
  for (var h = (wg.y % kv_heads) * params.group; h < (wg.y % kv_heads + 1u) * params.group; h++) {
    let head = head_of(b, h);
    var begin = 0u; // tiles of queries that see none of these keys come first
    while (begin < params.tokens && u32(stats_saved[head.stat + min(begin + TILE, params.tokens) - 1u].z) <= first) { begin += TILE; }
    for (var i = begin; i < params.tokens; i += TILE) {
      var s: array<vec4f, 4>;
      var ds: array<vec4f, 4>;
      for (var n = 0u; n < 4u; n++) {
        s[n] = vec4f();
        ds[n] = vec4f();
      }
      for (var piece = 0u; piece < D; piece += TILE) {
        for (var n = lane; n < TILE * TILE; n += WG) {
          left[(n / TILE) * PITCH + n % TILE] = k_at(head, first + n / TILE, piece + n % TILE);
          right[(n / TILE) * PITCH + n % TILE] = q_at(head, i + n / TILE, piece + n % TILE);
        }
        workgroupBarrier();
        for (var n = 0u; n < 4u; n++) { s[n] += rows_dot(row, column + 8u * n); }
        workgroupBarrier();
        for (var n = lane; n < TILE * TILE; n += WG) {
          left[(n / TILE) * PITCH + n % TILE] = v_at(head, first + n / TILE, piece + n % TILE);
          right[(n / TILE) * PITCH + n % TILE] = dy_at(head, i + n / TILE, piece + n % TILE);
        }
        workgroupBarrier();
        for (var n = 0u; n < 4u; n++) { ds[n] += rows_dot(row, column + 8u * n); }
        workgroupBarrier();
      }
      for (var n = 0u; n < 4u; n++) {
        let stat = stat_at(head, i + column + 8u * n);
        s[n] = select(vec4f(), exp(s[n] * params.scale - stat.x), keys < vec4f(stat.z));
        ds[n] = s[n] * (ds[n] - stat.y) * params.scale;
      }
      put_weights(row, column, s[0], s[1], s[2], s[3]);
      for (var piece = 0u; piece < PIECES; piece++) {
        for (var n = lane; n < TILE * TILE; n += WG) { right[(n / TILE) * PITCH + n % TILE] = dy_at(head, i + n / TILE, piece * TILE + n % TILE); }
        workgroupBarrier();
        for (var n = 0u; n < 4u; n++) { dv_sum[4u * piece + n] += weighted_rows(row, column + 8u * n); }
        workgroupBarrier();
      }
      put_weights(row, column, ds[0], ds[1], ds[2], ds[3]);
      for (var piece = 0u; piece < PIECES; piece++) {
        for (var n = lane; n < TILE * TILE; n += WG) { right[(n / TILE) * PITCH + n % TILE] = q_at(head, i + n / TILE, piece * TILE + n % TILE); }
        workgroupBarrier();
        for (var n = 0u; n < 4u; n++) { dk_sum[4u * piece + n] += weighted_rows(row, column + 8u * n); }
        workgroupBarrier();
      }
    }
  }
  for (var n = 0u; n < 4u * PIECES; n++) {
    let d = (n / 4u) * TILE + 8u * (n % 4u) + column;
    for (var r = 0u; r < 4u; r++) {
      if (d < params.width && first + row + r < params.keys) {
        let to_row = ((b * params.keys + first + row + r) * kv_heads + wg.y % kv_heads) * params.width;
        dk[to_row + d] = dk_sum[n][r];
        dv[to_row + d] = dv_sum[n][r];
      }
    }
  }
}
