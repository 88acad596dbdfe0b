// cast/quantise: f32 to int8, int4 or NF4 with a scale (and for int4 a zero) per group of adjacent elements. One lane
// per group.
//   INT8            scale = max|x| / 127,           level = round(x / scale)
//   INT4            scale = max|x| / 7,             level = round(x / scale) + 8
//   INT4_ZEROS      scale = (max x - min x) / 15,   level = round(x / scale) + zero, zero = round(-min x / scale); both
//                   ends include 0
//   NF4             scale = max|x|,                 the level nearest to x / scale
// A group that holds NaN has the scale NaN, and so reads back as NaN.
// Shapes: x float[groups, group], y u32 words, scales, zeros float[groups], dense; group a multiple of 8.
// Grid: ceil(groups / WG) workgroups in a line. Traffic: x twice.
// uses: lib/load_weight.wgsl, lib/special_values.wgsl

struct Params { groups: u32, group: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
@group(0) @binding(3) var<storage, read_write> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> zeros: array<f32>;

const FORMAT = INT8; // tune: INT8 INT4 INT4_ZEROS NF4
const WG = 64u;

@compute @workgroup_size(WG)
fn pack(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let g = (wg.y * count.x + wg.x) * WG + lane;
  if (g >= params.groups) { return; }
  let begin = g * params.group;
  var low = 0.0;
  var high = 0.0;
  var holds_nan = false;
  for (var i = begin; i < begin + params.group; i++) {
    low = min(low, x[i]);
    high = max(high, x[i]);
    holds_nan = holds_nan || is_nan(x[i]);
  }
  let widest = max(-low, high);
  var scale = widest;
  if (FORMAT == INT8) { scale = widest / 127.0; }
  if (FORMAT == INT4) { scale = widest / 7.0; }
  if (FORMAT == INT4_ZEROS) { scale = (high - low) / 15.0; }
  let inverse = select(0.0, 1.0 / scale, scale > 0.0);
  let zero = select(8.0, clamp(round(-low * inverse), 0.0, 15.0), FORMAT == INT4_ZEROS);
  let per_word = select(8u, 4u, FORMAT == INT8);
  for (var w = 0u; w < params.group / per_word; w++) {
    var word = 0u;
    for (var i = 0u; i < per_word; i++) {
      word |= level(x[begin + w * per_word + i] * inverse, zero) << (i * 32u / per_word);
    }
    y[begin / per_word + w] = word;
  }
  scales[g] = select(scale, quiet_nan(), holds_nan);
  if (FORMAT == INT4_ZEROS) { zeros[g] = zero; }
}

fn level(value: f32, zero: f32) -> u32 {
  if (FORMAT == INT8) { return u32(i32(clamp(round(value), -127.0, 127.0))) & 255u; }
  if (FORMAT != NF4) { return u32(clamp(round(value) + zero, 0.0, 15.0)); }
  var at = 0u;
  for (var i = 1u; i < 16u; i++) { at = select(at, i, value > 0.5 * (nf4_level(i - 1u) + nf4_level(i))); }
  return at;
}
