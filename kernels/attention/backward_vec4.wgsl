// attention/backward_vec4: the gradients of attention by tiles in workgroup memory and registers. Contract of
// attention/naive, for rows that start at multiples of 4 elements, and D up to 128. For real GPUs.
//   backward_q   rows = queries: ds = p · (dy·vᵀ - Σ dy · y) · scale with p = exp(s - lse);  dq = ds·k
//   backward_kv  rows = keys, over the queries of all heads of the group:  dv = pᵀ·dy,  dk = dsᵀ·q
// Grid: ceil(T / ROWS) × B·H workgroups of LANES, ceil(S / ROWS) × B·H/group for dk and dv; ROWS = ROWS_A_LANE · LANES
// / LANES_ACROSS, which is 16 at least for D = 128. f32, no atomics. Tiles in which no query sees a key are passed
// over. Traffic: every operand twice for every tile of rows. Workgroup memory: 12 to 49 KiB. Source: Dao 2023
// (FlashAttention-2).
// uses: lib/attention_lanes.wgsl, lib/attention_lanes_blocks.wgsl, lib/attention_lanes_gradient.wgsl, lib/attention_lanes_backward_q.wgsl, lib/attention_lanes_backward_kv.wgsl

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

const D = 32u; // tune: 32u 64u 128u
const LANES = 64u; // tune: 64u 128u
const LANES_ACROSS = 8u; // tune: 8u 16u
const ROWS_A_LANE = 4u; // tune: 4u 8u
const COLUMNS_A_LANE = 4u; // tune: 4u 8u

@compute @workgroup_size(LANES)
fn backward_q(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  gradient_of_queries(wg, count, lane);
}

@compute @workgroup_size(LANES)
fn backward_kv(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  gradient_of_keys(wg, lane);
}

fn load_q(row: u32, d: u32) -> vec4f { return select(vec4f(), q[(row + d) / 4u], d < params.width); }
fn load_k(row: u32, d: u32) -> vec4f { return select(vec4f(), k[(row + d) / 4u], d < params.width); }
fn load_v(row: u32, d: u32) -> vec4f { return select(vec4f(), v[(row + d) / 4u], d < params.width); }
fn load_dy(row: u32, d: u32) -> vec4f { return select(vec4f(), dy[(row + d) / 4u], d < params.width); }
fn store_dq(row: u32, d: u32, four: vec4f) { if (d < params.width) { dq[(row + d) / 4u] = four; } }
fn store_dk(row: u32, d: u32, four: vec4f) { if (d < params.width) { dk[(row + d) / 4u] = four; } }
fn store_dv(row: u32, d: u32, four: vec4f) { if (d < params.width) { dv[(row + d) / 4u] = four; } }
