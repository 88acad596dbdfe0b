enable subgroups;
// attention/decode: attention of a few queries over a cache of keys and values, one subgroup per query. Contract of
// attention/naive, forward only, for rows that start at multiples of 4 elements. Each lane processes every SG-th key
// with its own online softmax; the lanes are merged at the end.
//   of a lane   m = max s,  l = Σ exp(s - m),  o = Σ exp(s - m) · v        y = Σ over lanes of o · exp(m - max m) / Σ l
//     · exp(m - max m)
// Grid: T × B·H workgroups of one subgroup. f32. Traffic: k and v once a query head.
// uses: lib/attention_buffers.wgsl, lib/attention_operands.wgsl, lib/attention_mask.wgsl, lib/special_values.wgsl, lib/subgroup_reduce.wgsl

alias T = vec4<f32>;

const D = 32u; // tune: 16u 32u 64u 96u 128u
const SG = 8u; // tune: 4u 8u 16u 32u 64u
const QUADS = D / 4u;

@compute @workgroup_size(SG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = wg.y / params.heads;
  let h = wg.y % params.heads;
  let i = wg.x;
  let end = visible_keys(b, i);
  let query = (params.q_offset + b * params.q_batch + h * params.q_head + i * params.q_token) / 4u;
  let kv = b * params.kv_batch + (h / params.group) * params.kv_head;
  var m = LEAST;
  var l = 0.0;
  var o: array<vec4f, QUADS>;
  for (var j = lane; j < end; j += SG) {
    let key = (params.k_offset + kv + j * params.kv_token) / 4u;
    let value = (params.v_offset + kv + j * params.kv_token) / 4u;
    var sum = vec4f();
    for (var c = 0u; c < QUADS; c++) { sum += q[query + c] * k[key + c]; }
    let s = dot(sum, vec4f(params.scale));
    let top = max(m, s);
    let shrink = exp(m - top);
    let p = exp(s - top);
    for (var c = 0u; c < QUADS; c++) { o[c] = o[c] * shrink + p * v[value + c]; }
    l = l * shrink + p;
    m = top;
  }
  let top = subgroup_max(m);
  let share = exp(m - top);
  let total = subgroup_sum(l * share);
  let scale = share * select(1.0 / total, 0.0, total == 0.0);
  let to_row = ((b * params.tokens + i) * params.heads + h) * QUADS;
  for (var c = 0u; c < QUADS; c++) {
    let own = o[c] * scale;
    let whole = vec4f(subgroup_sum(own.x), subgroup_sum(own.y), subgroup_sum(own.z), subgroup_sum(own.w));
    if (lane == c % SG) { y[to_row + c] = whole; }
  }
  if (lane == 0u) { lse[wg.y * params.tokens + i] = select(top + log(total), infinity(), total == 0.0); }
}
