// Infinity and NaN by their bits: WGSL refuses both as constants, and lets a compiler assume that no value is either,
// so that a comparison may be decided ahead. The bits pass through variables, whose values no const-expression knows.

const LEAST = -0x1.fffffep+127f; // the least finite number

var<private> infinity_bits = 0x7f800000u;
var<private> nan_bits = 0x7fc00000u;

fn infinity() -> f32 { return bitcast<f32>(infinity_bits); }

fn quiet_nan() -> f32 { return bitcast<f32>(nan_bits); }

fn is_nan(v: f32) -> bool { return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u; }

/// max(v, low), NaN where v is.
fn at_least(v: f32, low: f32) -> f32 { return select(max(v, low), v, is_nan(v)); }

/// eˣ and ln x, NaN where x is: some drivers' own functions return a number.
fn exp_of(v: f32) -> f32 { return select(exp(v), v, is_nan(v)); }
fn exp_of4(v: vec4f) -> vec4f {
  return select(exp(v), v, (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
}
fn log_of(v: f32) -> f32 { return select(log(v), v, is_nan(v)); }

/// Integers in the order of the values: -∞ first, both zeros equal, NaN after ∞, as PyTorch sorts.
fn rank_of(v: f32) -> u32 {
  let bits = bitcast<u32>(v);
  if (is_nan(v)) { return 0xffffffffu; }
  if (bits == 0x80000000u) { return 0x80000000u; }
  return select(bits | 0x80000000u, ~bits, bits > 0x80000000u);
}

/// The same from ∞ down to -∞, NaN last again.
fn rank_down(v: f32) -> u32 { return select(~rank_of(v), 0xffffffffu, is_nan(v)); }
