enable subgroups;
// attention/backward_subgroup: the gradients of q, k and v in one pass by tiles of 16 keys and 4·SG queries, one
// subgroup for one key and value head.
// Contract of attention/naive, for rows that start at multiples of 4 elements; dq must be 0 before.
// Grid: B·H/group workgroups of one subgroup: for adapters with few cores. f32, fixed order. Source: Dao 2023
// (FlashAttention-2).
// uses: lib/attention_buffers.wgsl, lib/attention_operands.wgsl, lib/attention_places.wgsl, lib/attention_tile.wgsl, lib/attention_scores.wgsl, lib/place_of.wgsl, lib/attention_backward.wgsl

alias T = vec4<f32>;

const D = 32u; // tune: 16u 32u 64u
const SG = 8u; // tune: 4u 8u 16u

@compute @workgroup_size(SG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) { attend_back(wg, lane); }
