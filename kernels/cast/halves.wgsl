// cast/halves: f32 to f16 or bf16, two a word, rounded to nearest, ties to even. Integer arithmetic: the rounding of
// pack2x16float is the driver's.
// Shapes: x float[size], y u32[ceil(size / 2)], dense; x is read in vec4s and may reach into the padding.
// Grid: two words per lane, ceil(size / 4 / WG) workgroups in a line. Traffic: 6 bytes per element.

struct Params { size: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec2<u32>>;

const F16 = 0u;
const BF16 = 1u;
const FORMAT = F16; // tune: F16 BF16
const WG = 64u;

@compute @workgroup_size(WG)
fn pack(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  if (i * 4u >= params.size) { return; }
  let is_inside = vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.size);
  let bits = select(vec4u(0u), x[i], is_inside);
  var h = bf16_bits(bits);
  if (FORMAT == F16) { h = f16_bits(bits); }
  y[i] = vec2u(h.x | (h.y << 16u), h.z | (h.w << 16u));
}

fn bf16_bits(bits: vec4u) -> vec4u {
  let is_nan = (bits & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
  let rounded = (bits + 0x7fffu + ((bits >> vec4u(16u)) & vec4u(1u))) >> vec4u(16u);
  return select(rounded, (bits >> vec4u(16u)) | vec4u(0x40u), is_nan);
}

fn f16_bits(bits: vec4u) -> vec4u {
  let sign = (bits >> vec4u(16u)) & vec4u(0x8000u);
  let size = bits & vec4u(0x7fffffffu);
  let normal = (size - 0x38000000u + 0xfffu + ((size >> vec4u(13u)) & vec4u(1u))) >> vec4u(13u);
  // Subnormal: the mantissa with its leading one, shifted by the missing exponent, rounded explicitly.
  let lack = min(vec4u(126u) - min(size >> vec4u(23u), vec4u(113u)), vec4u(31u));
  let mantissa = (size & vec4u(0x7fffffu)) | vec4u(0x800000u);
  let kept = mantissa >> lack;
  let rest = mantissa & ((vec4u(1u) << lack) - 1u);
  let half_way = vec4u(1u) << (lack - 1u);
  let is_up = (rest > half_way) | ((rest == half_way) & ((kept & vec4u(1u)) == vec4u(1u)));
  let subnormal = select(kept + select(vec4u(0u), vec4u(1u), is_up), vec4u(0u), size < vec4u(0x33000000u));
  let huge = select(vec4u(0x7c00u), vec4u(0x7e00u), size > vec4u(0x7f800000u));
  return sign | select(select(subnormal, normal, size >= vec4u(0x38800000u)), huge, size >= vec4u(0x477ff000u));
}
