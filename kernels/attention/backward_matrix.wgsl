enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);

// attention/backward_matrix: the gradients of attention on matrix units (tensor cores): q, k, v, dy, p and ds rounded
// to f16, sums in f32. Dawn's experimental feature. Contract of attention/naive but for the rounding, for rows that
// start at multiples of 4 elements, and D up to 64.
//   backward_q   rows = queries: ds = p · (dy·vᵀ - Σ dy · y) with p = exp(scale · q·kᵀ - lse);  dq = scale · ds·k
//   backward_kv  rows = keys, over the queries of all heads of the group:  dv = pᵀ·dy,  dk = scale · dsᵀ·q
// Error: relative 2⁻¹⁰ of each term of the sums, besides that of the scores, see attention/forward_matrix. An element
// above 65,504 becomes infinite; dy is first divided by a power of two near its largest, of a query or of the group.
// A subgroup has MATRIX_M rows; scores go through workgroup memory, where PARTS lanes share a row, and come back as p,
// then as ds.
// Grid: ceil(T / ROWS) × B·H workgroups, ceil(S / ROWS) × B·H/group for dk and dv. Tiles in which no query sees a key
// are passed over. Traffic: every operand twice for every tile of rows; the next tile is read while matrices are
// multiplied. Workgroup memory: 10 to 44 KiB. No atomics. Source: Dao 2023 (FlashAttention-2).
// No subgroup arithmetic here: it crashes NVIDIA's compiler beside matrices.
// uses: lib/attention_buffers.wgsl, lib/attention_operands.wgsl, lib/attention_rows_vec4.wgsl, lib/attention_matrix.wgsl, lib/attention_matrix_backward.wgsl, lib/attention_matrix_backward_q.wgsl, lib/attention_matrix_queries.wgsl, lib/attention_matrix_backward_kv.wgsl, lib/turns.wgsl

alias T = vec4<f32>;

const D = 64u; // tune: 32u 64u
const SG = 32u; // tune: 8u 16u 32u 64u
const MATRIX_M = 16u; // tune: 8u 16u
const MATRIX_N = 16u; // tune: 8u 16u
const MATRIX_K = 16u; // tune: 8u 16u
const SUBGROUPS = 4u; // tune: 2u 4u
const COLUMNS = 32u; // tune: 16u 32u

const STARTS = COLUMNS * LINE; // where the second operand begins in the tile

var<workgroup> rows: array<vec4<f16>, 2u * ROWS * LINE>;
var<workgroup> tile: array<vec4<f16>, 2u * COLUMNS * LINE>;
var<workgroup> weights: array<vec4<f16>, ROWS * WEIGHT_LINE>;
var<workgroup> scores: array<f32, ROWS * SCORE_LINE>;
var<workgroup> factors: array<f32, ROWS>; // of the rows of the results
var<workgroup> known: array<f32, 4u * COLUMNS>; // of the queries of a tile
var<workgroup> shares: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn backward_q(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  gradient_of_queries(wg, count, lane);
}

@compute @workgroup_size(LANES)
fn backward_kv(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  gradient_of_keys(wg, lane);
}
