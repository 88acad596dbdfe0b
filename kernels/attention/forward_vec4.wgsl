// attention/forward_vec4: attention by tiles of queries and keys in workgroup memory and registers, with an online
// softmax. Contract of attention/naive, for rows that start at multiples of 4 elements, and D up to 128. For real GPUs.
//   s = scale · q·kᵀ;  p = exp(s - max so far);  y = (y · shrink + p·v), divided by Σ p at the end
// Grid: ceil(T / ROWS) × B·H workgroups of LANES; ROWS = ROWS_A_LANE · LANES / LANES_ACROSS, which is 16 at least for D
// = 128. f32. Keys that no query of a tile sees are not read.
// Traffic: q, k and v once for every tile of queries. Workgroup memory: 12 to 48 KiB. Source: Dao 2023
// (FlashAttention-2).
// uses: lib/special_values.wgsl, lib/attention_mask.wgsl, lib/attention_lanes.wgsl, lib/attention_lanes_blocks.wgsl, lib/attention_lanes_forward.wgsl

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

const D = 32u; // tune: 32u 64u 128u
const LANES = 64u; // tune: 64u 128u
const LANES_ACROSS = 8u; // tune: 8u 16u
const ROWS_A_LANE = 4u; // tune: 4u 8u
const COLUMNS_A_LANE = 4u; // tune: 4u 8u

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  attend(wg, count, lane);
}

fn load_q(row: u32, d: u32) -> vec4f { return select(vec4f(), q[(row + d) / 4u], d < params.width); }
fn load_k(row: u32, d: u32) -> vec4f { return select(vec4f(), k[(row + d) / 4u], d < params.width); }
fn load_v(row: u32, d: u32) -> vec4f { return select(vec4f(), v[(row + d) / 4u], d < params.width); }
fn store_y(row: u32, d: u32, four: vec4f) { if (d < params.width) { y[(row + d) / 4u] = four; } }
