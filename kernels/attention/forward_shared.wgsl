// attention/forward_shared: attention by tiles of queries and keys in workgroup memory and registers, with an online
// softmax. Contract of attention/naive, for any strides, and D up to 128. For real GPUs; attention/forward_vec4 is the
// same over rows that lie in vec4s.
//   s = scale · q·kᵀ;  p = exp(s - max so far);  y = (y · shrink + p·v), divided by Σ p at the end
// Grid: ceil(T / ROWS) × B·H workgroups of LANES; ROWS = ROWS_A_LANE · LANES / LANES_ACROSS, which is 16 at least for D
// = 128. f32. Keys that no query of a tile sees are not read.
// Traffic: q, k and v once for every tile of queries. Workgroup memory: 12 to 48 KiB. Source: Dao 2023
// (FlashAttention-2).
// uses: lib/attention_buffers.wgsl, lib/attention_operands.wgsl, lib/attention_rows.wgsl, lib/special_values.wgsl, lib/attention_mask.wgsl, lib/attention_lanes.wgsl, lib/attention_lanes_blocks.wgsl, lib/attention_lanes_forward.wgsl

alias T = f32;

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
