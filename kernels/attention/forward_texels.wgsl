enable subgroups;
// attention/forward_texels: attention by tiles of 16 queries with an online softmax, one subgroup per tile, q, k and v
// read from textures, which takes a software adapter less than half the time of a buffer. Contract of attention/naive.
// A row of a texture has the elements from token to token, q_token or kv_token of them, so that a head lies at a column
// of it or at rows of its own; rows start at multiples of 4 elements.
// Grid: ceil(T / 16) × B·H workgroups of one subgroup. f32. Source: Dao 2023 (FlashAttention-2).
// uses: lib/attention_buffers.wgsl, lib/attention_texels.wgsl, lib/special_values.wgsl, lib/attention_mask.wgsl, lib/attention_tile.wgsl, lib/attention_scores.wgsl, lib/subgroup_reduce.wgsl, lib/place_of.wgsl, lib/attention_forward.wgsl

alias T = vec4<f32>;

const D = 32u; // tune: 16u 32u 64u 96u 128u
const SG = 8u; // tune: 4u 8u

@compute @workgroup_size(SG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) { attend(wg, lane); }
