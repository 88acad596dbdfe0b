enable subgroups;
// attention/backward_subgroup: the gradients of q, k and v in one pass by tiles of 16 keys and 4·SG queries, one
// subgroup for one key and value head.
// Contract of attention/naive, for rows that start at multiples of 4 elements; dq must be 0 before.
// Grid: B·H/group workgroups of one subgroup: for adapters with few cores. f32, fixed order. Source: Dao 2023
// (FlashAttention-2).
// uses: lib/attention_tile.wgsl, lib/attention_scores.wgsl, lib/place_of.wgsl, lib/attention_backward.wgsl

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
@group(0) @binding(4) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> stats_saved: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> dq: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> dk: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> dv: array<vec4<f32>>;

const D = 32u; // tune: 16u 32u 64u
const SG = 8u; // tune: 4u 8u 16u

@compute @workgroup_size(SG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) { attend_back(wg, lane); }

fn load_q(at: vec2u) -> vec4f { return q[at.y * (params.q_token / 4u) + at.x]; }
fn load_k(at: vec2u) -> vec4f { return k[at.y * (params.kv_token / 4u) + at.x]; }
fn load_v(at: vec2u) -> vec4f { return v[at.y * (params.kv_token / 4u) + at.x]; }
fn load_dy(at: vec2u) -> vec4f { return dy[at.y * (params.heads * QUADS) + at.x]; }
