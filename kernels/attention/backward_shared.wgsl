// attention/backward_shared: the gradients of attention by tiles in workgroup memory and registers. Contract of
// attention/naive, for any strides, and D up to 128.
// For real GPUs; attention/backward_vec4 is the same over rows that lie in vec4s.
//   backward_q   rows = queries: ds = p · (dy·vᵀ - Σ dy · y) · scale with p = exp(s - lse);  dq = ds·k
//   backward_kv  rows = keys, over the queries of all heads of the group:  dv = pᵀ·dy,  dk = dsᵀ·q
// Grid: ceil(T / ROWS) × B·H workgroups of LANES, ceil(S / ROWS) × B·H/group for dk and dv; ROWS = ROWS_A_LANE · LANES
// / LANES_ACROSS, which is 16 at least for D = 128. f32, no atomics. Tiles in which no query sees a key are skipped.
// Traffic: every operand twice for every tile of rows. Workgroup memory: 12 to 49 KiB. Source: Dao 2023
// (FlashAttention-2).
// uses: lib/attention_buffers.wgsl, lib/attention_operands.wgsl, lib/attention_rows.wgsl, lib/attention_lanes.wgsl, lib/attention_lanes_blocks.wgsl, lib/attention_lanes_gradient.wgsl, lib/attention_lanes_backward_q.wgsl, lib/attention_lanes_backward_kv.wgsl

alias T = f32;

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
