// attention/backward_shared: the gradients of attention by tiles in workgroup memory and registers. Contract of
// attention/naive, for any strides, and D up to 128.
// For real GPUs; attention/backward_vec4 is the same over rows that lie in vec4s.
//   backward_q   rows = queries: ds = p · (dy·vᵀ - Σ dy · y) · scale with p = exp(s - lse);  dq = ds·k
//   backward_kv  rows = keys, over the queries of all heads of the group:  dv = pᵀ·dy,  dk = dsᵀ·q
// Grid: ceil(T / ROWS) × B·H workgroups of LANES, ceil(S / ROWS) × B·H/group for dk and dv; ROWS = ROWS_A_LANE · LANES
// / LANES_ACROSS, which is 16 at least for D = 128. f32, no atomics. Tiles in which no query sees a key are skipped.
// Traffic: every operand twice for every tile of rows. Workgroup memory: 12 to 49 KiB. Source: Dao 2023
// (FlashAttention-2).
// uses: lib/attention_lanes.wgsl, lib/attention_lanes_blocks.wgsl, lib/attention_lanes_gradient.wgsl, lib/attention_lanes_backward_q.wgsl, lib/attention_lanes_backward_kv.wgsl

struct Params {
  tokens: u32, keys: u32, heads: u32, group: u32, width: u32,
  q_batch: u32, q_head: u32, q_token: u32, q_offset: u32,
  kv_batch: u32, kv_head: u32, kv_token: u32, k_offset: u32, v_offset: u32,
  scale: f32, flags: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read> stats_saved: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> dq: array<f32>;
@group(0) @binding(7) var<storage, read_write> dk: array<f32>;
@group(0) @binding(8) var<storage, read_write> dv: array<f32>;

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

fn inside(d: u32) -> vec4<bool> { return vec4u(d, d + 1u, d + 2u, d + 3u) < vec4u(params.width); }
fn load_q(row: u32, d: u32) -> vec4f {
  return select(vec4f(), vec4f(q[row + d], q[row + d + 1u], q[row + d + 2u], q[row + d + 3u]), inside(d));
}
fn load_k(row: u32, d: u32) -> vec4f {
  return select(vec4f(), vec4f(k[row + d], k[row + d + 1u], k[row + d + 2u], k[row + d + 3u]), inside(d));
}
fn load_v(row: u32, d: u32) -> vec4f {
  return select(vec4f(), vec4f(v[row + d], v[row + d + 1u], v[row + d + 2u], v[row + d + 3u]), inside(d));
}
fn load_dy(row: u32, d: u32) -> vec4f {
  return select(vec4f(), vec4f(dy[row + d], dy[row + d + 1u], dy[row + d + 2u], dy[row + d + 3u]), inside(d));
}

fn store_dq(row: u32, d: u32, four: vec4f) {
  if (d < params.width) { dq[row + d] = four.x; }
  if (d + 1u < params.width) { dq[row + d + 1u] = four.y; }
  if (d + 2u < params.width) { dq[row + d + 2u] = four.z; }
  if (d + 3u < params.width) { dq[row + d + 3u] = four.w; }
}

fn store_dk(row: u32, d: u32, four: vec4f) {
  if (d < params.width) { dk[row + d] = four.x; }
  if (d + 1u < params.width) { dk[row + d + 1u] = four.y; }
  if (d + 2u < params.width) { dk[row + d + 2u] = four.z; }
  if (d + 3u < params.width) { dk[row + d + 3u] = four.w; }
}

fn store_dv(row: u32, d: u32, four: vec4f) {
  if (d < params.width) { dv[row + d] = four.x; }
  if (d + 1u < params.width) { dv[row + d + 1u] = four.y; }
  if (d + 2u < params.width) { dv[row + d + 2u] = four.z; }
  if (d + 3u < params.width) { dv[row + d + 3u] = four.w; }
}
