// attention/forward_shared: attention by tiles of 32 queries and 32 keys in workgroup memory, with an online softmax. Contract of attention/naive, for any
// strides and D up to 128. For real GPUs: 64 lanes as 8 × 8, each with a 4 × 4 block of scores and 4 rows of every 32 columns of the output.
//   s = scale · q·kᵀ by pieces of 32 columns;  p = exp(s - max so far);  y = (y · shrink + p·v), divided by Σ p at the end
// Grid: ceil(T / 32) × B·H workgroups. f32. Workgroup memory: 13.7 KB. Source: Dao 2023 (FlashAttention-2).
// uses: lib/attention_mask.wgsl, lib/attention_block.wgsl

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
@group(0) @binding(4) var<storage, read> bounds: array<i32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;
@group(0) @binding(6) var<storage, read_write> lse: array<f32>;

const D = 32u; // tune: 32u 64u 96u 128u
const WG = 64u;
const TILE = 32u;
const PITCH = 33u;
const PIECES = D / TILE;

var<workgroup> left: array<f32, TILE * PITCH>;
var<workgroup> right: array<f32, TILE * PITCH>;
var<workgroup> weights: array<f32, TILE * PITCH>;
var<workgroup> row_max: array<f32, TILE * 8u>;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = wg.y / params.heads;
  let h = wg.y % params.heads;
  let first = wg.x * TILE;
  let rows = min(TILE, params.tokens - first);
  let cap = key_cap(b);
  let place = query_place(b) + 1 + i32(first);
  let end = u32(max(min(cap, place + i32(rows) - 1), 0));
  let query = params.q_offset + b * params.q_batch + h * params.q_head + first * params.q_token;
  let kv = b * params.kv_batch + (h / params.group) * params.kv_head;
  let row = 4u * (lane / 8u);
  let column = lane % 8u;

  var top = vec4f(-1e30);
  var total = vec4f();
  var o: array<vec4f, 4u * PIECES>; // o[4 · piece + n]: column 32 · piece + 8 · n + column of the four rows
  for (var j = 0u; j < end; j += TILE) {
    var s0 = vec4f();
    var s1 = vec4f();
    var s2 = vec4f();
    var s3 = vec4f();
    for (var piece = 0u; piece < PIECES; piece++) {
      for (var n = lane; n < TILE * TILE; n += WG) {
        let r = n / TILE;
        let d = piece * TILE + n % TILE;
        let inside = d < params.width;
        left[r * PITCH + n % TILE] = 0.0;
        right[r * PITCH + n % TILE] = 0.0;
        if (inside && r < rows) { left[r * PITCH + n % TILE] = q[query + r * params.q_token + d] * params.scale; }
        if (inside && j + r < end) { right[r * PITCH + n % TILE] = k[params.k_offset + kv + (j + r) * params.kv_token + d]; }
      }
      workgroupBarrier();
      s0 += rows_dot(row, column);
      s1 += rows_dot(row, column + 8u);
      s2 += rows_dot(row, column + 16u);
      s3 += rows_dot(row, column + 24u);
      workgroupBarrier();
    }
    let limit = min(vec4i(cap), vec4i(place) + vec4i(i32(row)) + vec4i(0, 1, 2, 3));
    let at = i32(j + column);
    s0 = select(vec4f(-3e38), s0, vec4i(at) < limit);
    s1 = select(vec4f(-3e38), s1, vec4i(at + 8) < limit);
    s2 = select(vec4f(-3e38), s2, vec4i(at + 16) < limit);
    s3 = select(vec4f(-3e38), s3, vec4i(at + 24) < limit);
    let mine = max(max(s0, s1), max(s2, s3));
    for (var r = 0u; r < 4u; r++) { row_max[(row + r) * 8u + column] = mine[r]; }
    workgroupBarrier();
    var m = top;
    for (var n = 0u; n < 8u; n++) {
      m = max(m, vec4f(row_max[row * 8u + n], row_max[row * 8u + 8u + n], row_max[row * 8u + 16u + n], row_max[row * 8u + 24u + n]));
    }
    let shrink = exp(top - m);
    top = m;
    s0 = exp(s0 - m);
    s1 = exp(s1 - m);
    s2 = exp(s2 - m);
    s3 = exp(s3 - m);
    total = total * shrink + s0 + s1 + s2 + s3;
    put_weights(row, column, s0, s1, s2, s3);
    for (var piece = 0u; piece < PIECES; piece++) {
      for (var n = lane; n < TILE * TILE; n += WG) {
        let r = n / TILE;
        let d = piece * TILE + n % TILE;
        right[r * PITCH + n % TILE] = 0.0;
        if (d < params.width && j + r < end) { right[r * PITCH + n % TILE] = v[params.v_offset + kv + (j + r) * params.kv_token + d]; }
      }
      workgroupBarrier();
      for (var n = 0u; n < 4u; n++) { o[4u * piece + n] = o[4u * piece + n] * shrink + weighted_rows(row, column + 8u * n); }
      workgroupBarrier();
    }
  }

  for (var r = 0u; r < 4u; r++) { row_max[(row + r) * 8u + column] = total[r]; }
  workgroupBarrier();
  for (var r = 0u; r < 4u; r++) {
    if (row + r < rows) {
      var sum = 0.0;
      for (var n = 0u; n < 8u; n++) { sum += row_max[(row + r) * 8u + n]; }
      let scale = select(1.0 / sum, 0.0, sum == 0.0);
      let to_row = ((b * params.tokens + first + row + r) * params.heads + h) * params.width;
      for (var n = 0u; n < 4u * PIECES; n++) {
        let d = (n / 4u) * TILE + 8u * (n % 4u) + column;
        if (d < params.width) { y[to_row + d] = o[n][r] * scale; }
      }
      if (column == 0u) { lse[wg.y * params.tokens + first + row + r] = select(top[r] + log(sum), 3.0e38, sum == 0.0); }
    }
  }
}
