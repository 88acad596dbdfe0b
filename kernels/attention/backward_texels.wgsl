enable subgroups;
// attention/backward_texels: the gradients of q, k and v in one pass by tiles of 16 keys and 4·SG queries, one subgroup
// for one key and value head, with q, k, v and dy read from textures as in attention/forward_texels. Contract of
// attention/naive; dq must be 0 before.
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
@group(0) @binding(1) var q: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var k: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var v: texture_storage_2d<rgba32float, read>;
@group(0) @binding(4) var dy: texture_storage_2d<rgba32float, read>;
@group(0) @binding(5) var<storage, read> stats_saved: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> dq: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> dk: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> dv: array<vec4<f32>>;

const D = 32u; // tune: 16u 32u 64u
const SG = 8u; // tune: 4u 8u

@compute @workgroup_size(SG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) { attend_back(wg, lane); }

fn load_q(at: vec2u) -> vec4f { return textureLoad(q, at); }
fn load_k(at: vec2u) -> vec4f { return textureLoad(k, at); }
fn load_v(at: vec2u) -> vec4f { return textureLoad(v, at); }
fn load_dy(at: vec2u) -> vec4f { return textureLoad(dy, at); }
