enable subgroups;
// attention/forward_subgroup: attention by tiles of 16 queries with an online softmax, one subgroup per tile. Contract
// of attention/naive, for rows that start at multiples of 4 elements.
// Grid: ceil(T / 16) × B·H workgroups of one subgroup. f32. Source: Dao 2023 (FlashAttention-2).
// uses: lib/special_values.wgsl, lib/attention_mask.wgsl, lib/attention_tile.wgsl, lib/attention_scores.wgsl, lib/subgroup_reduce.wgsl, lib/place_of.wgsl, lib/attention_forward.wgsl

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

@compute @workgroup_size(SG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) { attend(wg, lane); }

fn load_q(at: vec2u) -> vec4f { return q[at.y * (params.q_token / 4u) + at.x]; }
fn load_k(at: vec2u) -> vec4f { return k[at.y * (params.kv_token / 4u) + at.x]; }
fn load_v(at: vec2u) -> vec4f { return v[at.y * (params.kv_token / 4u) + at.x]; }
