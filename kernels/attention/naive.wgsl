// attention/naive: scaled dot-product attention with grouped key and value heads, one lane per query (or a key, for dk
// and dv).
//   forward   s = scale · q·kᵀ, p = softmax s over the visible keys, y = p·v,   lse = log Σ exp s
//   prepare   stats = lse, Σ dy · y, number of visible keys, largest finite |dy|
//   backward  ds = p · (dy·vᵀ - Σ dy · y) · scale with p = exp(s - lse);   dq = ds·k,   dk = dsᵀ·q,   dv = pᵀ·dy,
//             summed over the group's heads
// Shapes: q float[B, H, T, D], k and v float[B, H/group, S, D] with strides (last axis dense, one set for k and v); y,
// dy, dq float[B, T, H, D] and dk, dv float[B, S, H/group, D] dense; lse float[B, H, T]; stats float[B, H, T, 4]. A
// query that sees no key gives 0.
// Grid: ceil(T / WG) × B·H workgroups; ceil(S / WG) × B·H/group for dk and dv. f32. Reads k and v once per query: a
// baseline.
// uses: lib/attention_buffers.wgsl, lib/attention_operands.wgsl, lib/attention_mask.wgsl, lib/special_values.wgsl

alias T = f32;

@group(0) @binding(7) var<storage, read> y_saved: array<f32>;
@group(0) @binding(8) var<storage, read> lse_saved: array<f32>;
@group(0) @binding(10) var<storage, read_write> stats: array<vec4<f32>>;

const WG = 64u;

fn query_at(b: u32, h: u32, i: u32) -> u32 {
  return params.q_offset + b * params.q_batch + h * params.q_head + i * params.q_token;
}
fn key_at(b: u32, h: u32, j: u32) -> u32 {
  return params.k_offset + b * params.kv_batch + (h / params.group) * params.kv_head + j * params.kv_token;
}
fn value_at(b: u32, h: u32, j: u32) -> u32 { return key_at(b, h, j) - params.k_offset + params.v_offset; }
fn output_at(b: u32, h: u32, i: u32) -> u32 { return ((b * params.tokens + i) * params.heads + h) * params.width; }

fn score(query: u32, key: u32) -> f32 {
  var sum = 0.0;
  for (var d = 0u; d < params.width; d++) { sum += q[query + d] * k[key + d]; }
  return sum * params.scale;
}

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = wg.x * WG + lane;
  if (i >= params.tokens) { return; }
  let b = wg.y / params.heads;
  let h = wg.y % params.heads;
  let query = query_at(b, h, i);
  let end = visible_keys(b, i);
  var top = LEAST;
  for (var j = 0u; j < end; j++) { top = max(top, score(query, key_at(b, h, j))); }
  var total = 0.0;
  for (var j = 0u; j < end; j++) { total += exp(score(query, key_at(b, h, j)) - top); }
  let to = output_at(b, h, i);
  for (var d = 0u; d < params.width; d++) { y[to + d] = 0.0; }
  for (var j = 0u; j < end; j++) {
    let p = exp(score(query, key_at(b, h, j)) - top) / total;
    for (var d = 0u; d < params.width; d++) { y[to + d] += p * v[value_at(b, h, j) + d]; }
  }
  lse[wg.y * params.tokens + i] = select(infinity(), top + log(total), end > 0u);
}

@compute @workgroup_size(WG)
fn prepare(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = wg.x * WG + lane;
  if (i >= params.tokens) { return; }
  let at = output_at(wg.y / params.heads, wg.y % params.heads, i);
  var sum = 0.0;
  var largest = 0u; // by bits, which are in the order of the values
  for (var d = 0u; d < params.width; d++) {
    sum += dy[at + d] * y_saved[at + d];
    let bits = bitcast<u32>(dy[at + d]) & 0x7fffffffu;
    largest = max(largest, select(0u, bits, bits < 0x7f800000u));
  }
  let seen = f32(visible_keys(wg.y / params.heads, i));
  stats[wg.y * params.tokens + i] = vec4f(lse_saved[wg.y * params.tokens + i], sum, seen, bitcast<f32>(largest));
}

fn dy_dot_v(at: u32, value: u32) -> f32 {
  var sum = 0.0;
  for (var d = 0u; d < params.width; d++) { sum += dy[at + d] * v[value + d]; }
  return sum;
}

@compute @workgroup_size(WG)
fn backward_q(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = wg.x * WG + lane;
  if (i >= params.tokens) { return; }
  let b = wg.y / params.heads;
  let h = wg.y % params.heads;
  let at = output_at(b, h, i);
  let stat = stats_saved[wg.y * params.tokens + i];
  for (var d = 0u; d < params.width; d++) { dq[at + d] = 0.0; }
  for (var j = 0u; j < u32(stat.z); j++) {
    let p = exp(score(query_at(b, h, i), key_at(b, h, j)) - stat.x);
    let ds = p * (dy_dot_v(at, value_at(b, h, j)) - stat.y) * params.scale;
    for (var d = 0u; d < params.width; d++) { dq[at + d] += ds * k[key_at(b, h, j) + d]; }
  }
}

@compute @workgroup_size(WG)
fn backward_kv(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let j = wg.x * WG + lane;
  if (j >= params.keys) { return; }
  let kv_heads = params.heads / params.group;
  let b = wg.y / kv_heads;
  let kv_head = wg.y % kv_heads;
  let at = ((b * params.keys + j) * kv_heads + kv_head) * params.width;
  for (var d = 0u; d < params.width; d++) {
    dk[at + d] = 0.0;
    dv[at + d] = 0.0;
  }
  for (var h = kv_head * params.group; h < (kv_head + 1u) * params.group; h++) {
    for (var i = 0u; i < params.tokens; i++) {
      let stat = stats_saved[(b * params.heads + h) * params.tokens + i];
      if (j < u32(stat.z)) {
        let p = exp(score(query_at(b, h, i), key_at(b, h, j)) - stat.x);
        let ds = p * (dy_dot_v(output_at(b, h, i), value_at(b, h, j)) - stat.y) * params.scale;
        for (var d = 0u; d < params.width; d++) {
          dk[at + d] += ds * q[query_at(b, h, i) + d];
          dv[at + d] += p * dy[output_at(b, h, i) + d];
        }
      }
    }
  }
}
