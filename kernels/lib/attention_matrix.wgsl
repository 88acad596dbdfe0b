// Tiles of attention on matrix units: rows of the width as f16 in workgroup memory, and how lanes bring them there.
// Adjacent lanes read adjacent vec4s of a row, EACH of them ahead of the step that stores them, in named variables,
// since an array that a loop indexes would be kept in memory.
// Needs in the kernel: alias T = vec4<f32>, const D, SG, MATRIX_M, MATRIX_N, MATRIX_K, SUBGROUPS, COLUMNS, the rows of
// a tile that is read ahead, and STARTS, where the second operand begins in the tile; `tile` and `scores`;
// lib/attention_buffers.wgsl, lib/attention_operands.wgsl, lib/attention_rows_vec4.wgsl.

alias Left = subgroup_matrix_left<f16, MATRIX_K, MATRIX_M>;
alias Right = subgroup_matrix_right<f16, MATRIX_N, MATRIX_K>;
alias Sums = subgroup_matrix_result<f32, MATRIX_N, MATRIX_M>;

const LANES = SUBGROUPS * SG;
const ROWS = SUBGROUPS * MATRIX_M;
const PARTS = max(SG / MATRIX_M, 1u); // lanes that share a row of scores
const FOURS = D / 4u;
// Vec4s from row to row, which begin in different banks of the memory and at multiples of 16 bytes, as all matrices do.
const LINE = FOURS + 2u;
const DOWN = LANES / FOURS; // rows that all lanes together read at a time
const EACH = COLUMNS / DOWN;
const SCORE_LINE = COLUMNS + 8u; // numbers from row to row of scores
const WEIGHT_LINE = COLUMNS / 4u + 2u; // vec4s from row to row of weights
const PAIR = MATRIX_N / 2u; // vec4s of a row of two matrices
const LOG2_E = 1.4426950408889634;
// Weights are 2⁶ times as large: a device may take what is below 2⁻¹⁴ for 0, as a weight of many is.
const LIFT = 6.0;

struct Ahead { v0: vec4f, v1: vec4f, v2: vec4f, v3: vec4f, v4: vec4f, v5: vec4f, v6: vec4f, v7: vec4f }

fn width_of(lane: u32) -> u32 { return 4u * (lane % FOURS); }

// A row past the end repeats the last one, and its scores are hidden.
fn key_four(kv: u32, row: u32, d: u32, end: u32) -> vec4f {
  return load_k(params.k_offset + kv + min(row, max(end, 1u) - 1u) * params.kv_token, d);
}

// A row past the end is zero, since a weight of 0 would make NaN of a value that is infinite.
fn value_four(kv: u32, row: u32, d: u32, end: u32) -> vec4f {
  let four = load_v(params.v_offset + kv + min(row, max(end, 1u) - 1u) * params.kv_token, d);
  return select(vec4f(), four, row < end);
}

fn keys_ahead(lane: u32, kv: u32, first: u32, end: u32) -> Ahead {
  let row = first + lane / FOURS;
  let d = width_of(lane);
  var ahead: Ahead;
  ahead.v0 = key_four(kv, row, d, end);
  if (EACH > 1u) { ahead.v1 = key_four(kv, row + 1u * DOWN, d, end); }
  if (EACH > 2u) { ahead.v2 = key_four(kv, row + 2u * DOWN, d, end); }
  if (EACH > 3u) { ahead.v3 = key_four(kv, row + 3u * DOWN, d, end); }
  if (EACH > 4u) { ahead.v4 = key_four(kv, row + 4u * DOWN, d, end); }
  if (EACH > 5u) { ahead.v5 = key_four(kv, row + 5u * DOWN, d, end); }
  if (EACH > 6u) { ahead.v6 = key_four(kv, row + 6u * DOWN, d, end); }
  if (EACH > 7u) { ahead.v7 = key_four(kv, row + 7u * DOWN, d, end); }
  return ahead;
}

fn values_ahead(lane: u32, kv: u32, first: u32, end: u32) -> Ahead {
  let row = first + lane / FOURS;
  let d = width_of(lane);
  var ahead: Ahead;
  ahead.v0 = value_four(kv, row, d, end);
  if (EACH > 1u) { ahead.v1 = value_four(kv, row + 1u * DOWN, d, end); }
  if (EACH > 2u) { ahead.v2 = value_four(kv, row + 2u * DOWN, d, end); }
  if (EACH > 3u) { ahead.v3 = value_four(kv, row + 3u * DOWN, d, end); }
  if (EACH > 4u) { ahead.v4 = value_four(kv, row + 4u * DOWN, d, end); }
  if (EACH > 5u) { ahead.v5 = value_four(kv, row + 5u * DOWN, d, end); }
  if (EACH > 6u) { ahead.v6 = value_four(kv, row + 6u * DOWN, d, end); }
  if (EACH > 7u) { ahead.v7 = value_four(kv, row + 7u * DOWN, d, end); }
  return ahead;
}

// Stores what was read ahead, from vec4 `start` of the tile on.
fn put_ahead(lane: u32, start: u32, ahead: Ahead) {
  let at = min(start, STARTS) + lane % LANES / FOURS * LINE + lane % FOURS;
  tile[at] = vec4<f16>(ahead.v0);
  if (EACH > 1u) { tile[at + 1u * DOWN * LINE] = vec4<f16>(ahead.v1); }
  if (EACH > 2u) { tile[at + 2u * DOWN * LINE] = vec4<f16>(ahead.v2); }
  if (EACH > 3u) { tile[at + 3u * DOWN * LINE] = vec4<f16>(ahead.v3); }
  if (EACH > 4u) { tile[at + 4u * DOWN * LINE] = vec4<f16>(ahead.v4); }
  if (EACH > 5u) { tile[at + 5u * DOWN * LINE] = vec4<f16>(ahead.v5); }
  if (EACH > 6u) { tile[at + 6u * DOWN * LINE] = vec4<f16>(ahead.v6); }
  if (EACH > 7u) { tile[at + 7u * DOWN * LINE] = vec4<f16>(ahead.v7); }
}

// Vec4 c of a row of scores.
fn scores_at(row: u32, c: u32) -> vec4f {
  let at = 4u * (min(row, ROWS - 1u) * (SCORE_LINE / 4u) + min(c, COLUMNS / 4u - 1u));
  return vec4f(scores[at], scores[at + 1u], scores[at + 2u], scores[at + 3u]);
}
