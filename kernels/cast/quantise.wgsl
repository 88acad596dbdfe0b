// cast/quantise: f32, f16 or bf16 to int8, int4 or NF4 with a scale (and for int4 a zero) per group of adjacent
// elements. One lane per group.
//   INT8            scale = max|x| / 127,           level = round(x / scale)
//   INT4            scale = max|x| / 7,             level = round(x / scale) + 8
//   INT4_ZEROS      scale = (max x - min x) / 15,   level = round(x / scale) + zero, zero = round(-min x / scale); both
//                   ends include 0
//   NF4             scale = max|x|,                 the level nearest to x / scale
// A group that holds NaN has the scale NaN, and so reads back as NaN.
// Shapes: x [groups, group], y u32 words, scales, zeros float[groups], dense; group a multiple of 8.
// Grid: ceil(groups / WG) workgroups in a line. Traffic: x twice.
// uses: lib/load_weight.wgsl, lib/special_values.wgsl

struct Params { groups: u32, group: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
@group(0) @binding(3) var<storage, read_write> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> zeros: array<f32>;

const FROM = F32; // tune: F32 F16 BF16
const FORMAT = INT8; // tune: INT8 INT4 INT4_ZEROS NF4
const WG = 64u;

@compute @workgroup_size(WG)
fn pack(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let g = (wg.y * count.x + wg.x) * WG + lane;
  if (g >= params.groups) { return; }
  let eights = params.group / 8u;
  let begin = g * eights;
  var lows = vec4f();
  var highs = vec4f();
  var nans = vec4<bool>();
  for (var i = begin; i < begin + eights; i++) {
    let v = eight(i);
    lows = min(lows, min(v.first, v.second));
    highs = max(highs, max(v.first, v.second));
    nans = nans | are_nan(v.first) | are_nan(v.second);
  }
  let low = min(min(lows.x, lows.y), min(lows.z, lows.w));
  let high = max(max(highs.x, highs.y), max(highs.z, highs.w));
  let widest = max(-low, high);
  var scale = widest;
  if (FORMAT == INT8) { scale = widest / 127.0; }
  if (FORMAT == INT4) { scale = widest / 7.0; }
  if (FORMAT == INT4_ZEROS) { scale = (high - low) / 15.0; }
  let inverse = select(0.0, 1.0 / scale, scale > 0.0);
  let zero = select(8.0, clamp(round(-low * inverse), 0.0, 15.0), FORMAT == INT4_ZEROS);
  for (var i = begin; i < begin + eights; i++) {
    let v = eight(i);
    let first = levels(v.first * inverse, zero);
    let second = levels(v.second * inverse, zero);
    if (FORMAT == INT8) {
      y[2u * i] = join(first << vec4u(0u, 8u, 16u, 24u));
      y[2u * i + 1u] = join(second << vec4u(0u, 8u, 16u, 24u));
    } else {
      y[i] = join(first << vec4u(0u, 4u, 8u, 12u)) | join(second << vec4u(16u, 20u, 24u, 28u));
    }
  }
  scales[g] = select(scale, quiet_nan(), any(nans));
  if (FORMAT == INT4_ZEROS) { zeros[g] = zero; }
}

struct Eight { first: vec4f, second: vec4f }

fn eight(i: u32) -> Eight {
  if (FROM == F32) { return Eight(bitcast<vec4f>(x[2u * i]), bitcast<vec4f>(x[2u * i + 1u])); }
  let words = x[i];
  if (FROM == F16) { return Eight(f16_four(words.xy), f16_four(words.zw)); }
  return Eight(bf16_four(words.xy), bf16_four(words.zw));
}

fn are_nan(v: vec4f) -> vec4<bool> { return (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u); }

fn join(parts: vec4u) -> u32 { return parts.x | parts.y | parts.z | parts.w; }

fn levels(v: vec4f, zero: f32) -> vec4u {
  if (FORMAT == INT8) { return vec4u(vec4i(clamp(round(v), vec4f(-127.0), vec4f(127.0)))) & vec4u(255u); }
  if (FORMAT != NF4) { return vec4u(clamp(round(v) + zero, vec4f(0.0), vec4f(15.0))); }
  var at = vec4u();
  for (var i = 1u; i < 16u; i++) {
    at = select(at, vec4u(i), v > vec4f(0.5 * (nf4_level(i - 1u) + nf4_level(i))));
  }
  return at;
}
