// ln x, ln(1 + x) and x^p of four values over the whole range of f32: WGSL leaves ln below 0.5 and x^p to the driver,
// and some give a finite ln 0. Needs lib/exponential.wgsl. Method: x = 2^k · m with m in √½..√2, s = (m - 1) / (m + 1),
// ln m = 2 artanh s (FreeBSD, e_logf.c).

/// x = 2^k · m for finite x above 0.
struct Binary { k: vec4f, m: vec4f }

fn binary4(x: vec4f) -> Binary {
  let is_small = x < vec4f(1.17549435e-38);
  let bits = bitcast<vec4i>(select(x, x * 8388608.0, is_small));
  let k = (bits - 0x3f3504f3) >> vec4u(23u);
  return Binary(vec4f(k) - select(vec4f(), vec4f(23.0), is_small), bitcast<vec4f>(bits - (k << vec4u(23u))));
}

/// k ln 2 + ln(1 + f) for f in √½ - 1..√2 - 1
fn log_sum4(k: vec4f, f: vec4f) -> vec4f {
  let s = f / (2.0 + f);
  let z = s * s;
  let rest = z * (0.6666666655 + z * (0.4000012391 + z * (0.2855058704 + z * 0.2333681101)));
  let half = 0.5 * f * f;
  return k * 0.693359375 + (f - (half - (s * (half + rest) - k * 2.12194440e-4)));
}

/// y, but what ln has at x that is 0, below 0, infinite or NaN.
fn log_ends4(y: vec4f, x: vec4f) -> vec4f {
  let bits = bitcast<vec4u>(x);
  let held = select(y, x, bits >= vec4u(0x7f800000u));
  return select(select(held, vec4f(quiet_nan()), x < vec4f()), -vec4f(infinity()), x == vec4f());
}

fn log4(x: vec4f) -> vec4f {
  let b = binary4(x);
  return log_ends4(log_sum4(b.k, b.m - 1.0), x);
}

fn log1p_4(x: vec4f) -> vec4f {
  let u = 1.0 + x;
  let b = binary4(u);
  let near = (x > vec4f(-0.29)) & (x < vec4f(0.41));
  let y = log_ends4(log_sum4(select(b.k, vec4f(), near), select(b.m - 1.0, x, near)), u);
  return select(y, x, abs(x) < vec4f(2e-8));
}

/// What `power4` needs to know of an exponent p: in two parts, p = high + low, the first of twelve bits, and whether it
/// is whole and odd.
struct Exponent { high: f32, low: f32, is_whole: bool, is_odd: bool }

/// factor · x^p. log2 x in parts of twelve bits, so that its product with p has 12 bits more than f32; a negative x
/// needs a whole p.
fn power4(x: vec4f, p: Exponent, factor: f32) -> vec4f {
  let size = abs(x);
  let b = binary4(size);
  let f = b.m - 1.0;
  let d = 1.0 + b.m;
  let d_high = upper4(d);
  let s = f / d;
  let s_high = upper4(s);
  let s_low = ((f - s_high * d_high) - s_high * (b.m - (d_high - 1.0))) / d;
  let z = s * s;
  let curve = s * z * (0.3333333328 + z * (0.2000006195 + z * (0.1427529352 + z * 0.116684055)));
  let first = s_high * 2.884765625;
  let rest = s_high * 6.244567528e-4 + (s_low + curve) * 2.88539008;
  let high = upper4(first + rest);
  let low = (first - high) + rest;
  let t = p.high * (b.k + high) + p.low * (b.k + high);
  let far = (t < vec4f(-240.0)) | (t > vec4f(140.0));
  let n = round(within4(t, -240.0, 140.0));
  let r = ((p.high * b.k - n) + p.high * high) + (p.low * b.k + (p.low * high + (p.high + p.low) * low));
  var y = product4(scaled4(n, select(0.69314718 * r, vec4f(), far)), vec4f(factor));
  let is_growing = vec4<bool>(p.high > 0.0);
  let ends = (size == vec4f()) | (bitcast<vec4u>(size) == vec4u(0x7f800000u));
  let is_zero = (size == vec4f()) == is_growing;
  y = select(y, factor * select(vec4f(infinity()), vec4f(), is_zero), ends);
  y = select(y, vec4f(quiet_nan()), (x < vec4f()) & !ends & vec4<bool>(!p.is_whole));
  y = select(y, x, bitcast<vec4u>(size) > vec4u(0x7f800000u)); // x != x may be taken for false
  return select(y, -y, (bitcast<vec4u>(x) >= vec4u(0x80000000u)) & vec4<bool>(p.is_odd));
}
