enable subgroups;
// attention/decode_groups: attention of a few queries over a cache of keys and values, one workgroup per query.
// Contract of attention/naive, forward only, for rows of a multiple of 32 elements that start at multiples of 4. Eight
// lanes share a key; each such group has its own online softmax, and the groups are merged at the end. For real GPUs:
// attention/decode has one subgroup a query, whose lanes read a key each, and D / 4 vec4s of sums in a lane.
//   y = Σ over groups of o · exp(m - max m) / Σ l · exp(m - max m)
// Grid: T × B·H workgroups. f32. Traffic: k and v once a query head.
// uses: lib/attention_buffers.wgsl, lib/attention_operands.wgsl, lib/attention_groups.wgsl, lib/attention_mask.wgsl, lib/special_values.wgsl, lib/turns.wgsl

alias T = vec4<f32>;

const D = 32u; // tune: 32u 64u 96u 128u
const SG = 8u; // tune: 8u 16u 32u 64u

@compute @workgroup_size(GROUPS * LANES)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = wg.y / params.heads;
  let h = wg.y % params.heads;
  let query = query_of(b, h, wg.x, lane % LANES);
  let sums = merged_groups(attend(query, b, h, 0u, visible_keys(b, wg.x), lane), lane);
  if (lane < LANES) { store_row(b, wg.y, h, wg.x, lane, sums); }
}
