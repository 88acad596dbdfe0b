// Sine and cosine of four values in radians, right to 2 ulp over the whole range of f32, where the driver's own may be
// off by 2e-4 within one period and by any amount beyond. Needs lib/exponential.wgsl.

/// x less an integer k of quarter turns (-π/4..π/4), and k mod 4.
struct Turned { r: vec4f, quarter: vec4u }

// π/2 in four parts whose products with k up to 955 are exact; the quarters beyond come from the digits of 2/π.
fn turned4(x: vec4f) -> Turned {
  let k = round(within4(x, -1500.0, 1500.0) * 0.63661977);
  let r = (((x - k * 1.5703125) - k * 4.837512969970703e-4) - k * 7.549533620476723e-8) - k * 2.5633440682570896e-12;
  var t = Turned(r, bitcast<vec4u>(whole4(k)) & vec4u(3u));
  if (any(abs(x) > vec4f(1500.0))) {
    for (var i = 0u; i < 4u; i++) {
      if (abs(x[i]) > 1500.0) {
        let far = turned_far(x[i]);
        t.r[i] = far.r;
        t.quarter[i] = far.quarter;
      }
    }
  }
  return t;
}

struct TurnedFar { r: f32, quarter: u32 }

/// A word of 2/π behind one of zeros: its first 224 binary digits.
fn two_over_pi(word: u32) -> u32 {
  var words = array<u32, 8>(0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u,
    0xfe5163abu);
  return words[word];
}

fn upper_product(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u);
}

/// Of three words, those 32 further on after a shift by less than 32.
fn shifted(high: u32, low: u32, by: u32) -> u32 {
  return select((high << by) | (low >> ((32u - by) & 31u)), high, by == 0u);
}

/// |x| = M · 2^e times 2/π, modulo 4, to 94 binary places: only 96 digits of 2/π matter (Payne and Hanek 1983). For |x|
/// from 2^10 on.
fn turned_far(x: f32) -> TurnedFar {
  let bits = bitcast<u32>(x) & 0x7fffffffu;
  if (bits >= 0x7f800000u) { return TurnedFar(quiet_nan(), 0u); }
  let whole = (bits & 0x7fffffu) | 0x800000u;
  let start = (bits >> 23u) - 120u; // e = exponent - 150, and the digit of weight 2 of 2^e · 2/π is number e - 2 + 32
  let word = start >> 5u;
  let by = start & 31u;
  let w2 = shifted(two_over_pi(word), two_over_pi(word + 1u), by);
  let w1 = shifted(two_over_pi(word + 1u), two_over_pi(word + 2u), by);
  let w0 = shifted(two_over_pi(word + 2u), two_over_pi(word + 3u), by);
  let p0 = whole * w0;
  let p1 = whole * w1 + upper_product(whole, w0);
  let carry = select(0u, 1u, p1 < whole * w1);
  let p2 = whole * w2 + upper_product(whole, w1) + carry;
  var high = (p2 << 2u) | (p1 >> 30u);
  var low = (p1 << 2u) | (p0 >> 30u);
  let is_over = (high >> 31u) == 1u;
  if (is_over) {
    high = ~high;
    low = ~low;
  }
  let lead = countLeadingZeros(high) & 31u;
  let size = f32(shifted(high, low, lead)) * bitcast<f32>((95u - lead) << 23u) * 1.57079633;
  let quarter = (p2 >> 30u) + select(0u, 1u, is_over);
  let is_negative = x < 0.0;
  return TurnedFar(select(size, -size, is_over != is_negative), select(quarter, 4u - (quarter & 3u), is_negative) & 3u);
}

/// Source of the polynomials: Cephes, sinf.c.
fn wave4(t: Turned, quarters: u32) -> vec4f {
  let z = t.r * t.r;
  let sine = t.r + t.r * z * ((-1.9515295891e-4 * z + 8.3321608736e-3) * z - 0.16666654611);
  let cosine = 1.0 - 0.5 * z + z * z * ((2.443315711809948e-5 * z - 1.388731625493765e-3) * z + 4.166664568298827e-2);
  let quarter = t.quarter + vec4u(quarters);
  let value = select(sine, cosine, (quarter & vec4u(1u)) == vec4u(1u));
  return select(value, -value, (quarter & vec4u(2u)) == vec4u(2u));
}

fn sin4(x: vec4f) -> vec4f { return select(wave4(turned4(x), 0u), x, abs(x) < vec4f(2e-4)); }
fn cos4(x: vec4f) -> vec4f { return wave4(turned4(x), 1u); }
