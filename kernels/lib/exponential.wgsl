// e^x and e^x - 1 of four values over the whole range of f32, to 1 and 3 ulp: WGSL lets drivers be off by 3 + 2|x| ulp.
// No infinity is written, so that a driver may assume there is none; results that overflow become infinite, those below
// 2^-126 may become 0. Needs lib/special_values.wgsl.
// Method: x = k · ln 2 + r, ln 2 in two parts of which the first times k is exact (Cody and Waite 1980); a polynomial
// on |r| ≤ 0.42.

/// A number as m · up · rest: the product with a factor is right where the number itself would be too small.
struct Scaled { m: vec4f, up: vec4f, rest: vec4f }

/// v held from low to high; NaN stays.
fn within4(v: vec4f, low: f32, high: f32) -> vec4f {
  return select(select(v, vec4f(high), v > vec4f(high)), vec4f(low), v < vec4f(low));
}

/// The first twelve bits of v: the product of two such numbers is exact.
fn upper4(v: vec4f) -> vec4f { return bitcast<vec4f>(bitcast<vec4u>(v) & vec4u(0xfffff000u)); }

/// A whole k in -2^22..2^22 as an integer, from the digits of a sum: Lavapipe converts lane by lane.
fn whole4(k: vec4f) -> vec4i { return bitcast<vec4i>(k + 12582912.0) - vec4i(0x4b400000); }

fn power_of_two4(k: vec4i) -> vec4f { return bitcast<vec4f>((k + 127) << vec4u(23u)); }

fn product4(e: Scaled, factor: vec4f) -> vec4f { return ((e.m * factor) * e.up) * e.rest; }

fn value4(e: Scaled) -> vec4f { return (e.m * e.up) * e.rest; }

/// (e^r - 1 - r) / r² on |r| ≤ 0.42
fn exp_rest4(r: vec4f) -> vec4f {
  return 0.5 + r * (0.1666666671 + r * (0.04166623133 + r
    * (0.008333284987 + r * (0.001395465879 + r * 1.991431821e-4))));
}

/// 2^k · e^r for |r| ≤ 0.42 and whole k in -250..250
fn scaled4(k: vec4f, r: vec4f) -> Scaled {
  let whole = whole4(k);
  let part = whole >> vec4u(1u);
  return Scaled(1.0 + (r + r * r * exp_rest4(r)), power_of_two4(part), power_of_two4(whole - part));
}

/// e^(a + b) for a up to 88, where b is what rounding a left, below 0.5: exponents that are products come in two parts,
/// or half of their
/// digits are lost. Below -170 it is e^-170, which no factor brings back.
fn scaled_exp4(a: vec4f, b: vec4f) -> Scaled {
  let x = select(a, vec4f(-170.0), a < vec4f(-170.0));
  let k = round((x + b) * 1.44269504);
  return scaled4(k, ((x - k * 0.693359375) + k * 2.12194440e-4) + b);
}

fn exp4(x: vec4f) -> vec4f {
  return value4(scaled_exp4(select(x, vec4f(100.0), x > vec4f(100.0)), vec4f()));
}

/// 2^k (e^r - 1) + 2^k - 1, halved so that 2^128 is not needed; the smallest x are their own results.
fn expm1_4(x: vec4f) -> vec4f {
  let v = within4(x, -60.0, 89.0);
  let k = round(v * 1.44269504);
  let r = (v - k * 0.693359375) + k * 2.12194440e-4;
  let half = power_of_two4(whole4(k) - 1);
  let y = 2.0 * ((r + r * r * exp_rest4(r)) * half + (half - 0.5));
  return select(y, x, abs(x) < vec4f(2e-8));
}
