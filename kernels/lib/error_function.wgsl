// erf of four values and the normal distribution behind gelu, over the whole range of f32. Needs lib/exponential.wgsl.
// Method: erfc t = e^(-t²) · erfcx t, erfcx t = P((t - 4) / (t + 4)) / (1 + 2 t) (Shepherd and Laframboise 1981), P
// fitted on t in 0..10.28.

fn erfcx4(t: vec4f) -> vec4f {
  let q = (t - 4.0) / (t + 4.0);
  var p = vec4f(-6.486672584e-4);
  p = p * q - 0.001155652434;
  p = p * q + 0.005029154624;
  p = p * q - 0.01601915684;
  p = p * q + 0.03723145909;
  p = p * q - 0.06635351199;
  p = p * q + 0.09371948537;
  p = p * q - 0.1010381886;
  p = p * q + 0.0680979634;
  p = p * q + 0.0153796527;
  p = p * q - 0.1396211335;
  p = p * q + 1.232995119;
  return p / (1.0 + 2.0 * t);
}

/// e^(-scale · x²) of x from 0 on, scale a power of two
fn bell4(x: vec4f, scale: f32) -> Scaled {
  let high = upper4(x);
  return scaled_exp4(-scale * high * high, -scale * (x - high) * (x + high));
}

fn erf4(x: vec4f) -> vec4f {
  let size = within4(abs(x), 0.0, 9.0);
  let z = size * size;
  let series = 1.128379166 + z * (-0.3761262667 + z
    * (0.1128359472 + z * (-0.02685421201 + z * (0.005189087423 + z * (-8.016864287e-4 + z * 7.875875063e-5)))));
  let far = 1.0 - value4(bell4(size, 1.0)) * erfcx4(size);
  return select(select(far, -far, x < vec4f()), x * series, size < vec4f(1.0));
}

fn erf_slope4(x: vec4f) -> vec4f { return product4(bell4(within4(abs(x), 0.0, 12.0), 1.0), vec4f(1.128379167)); }

/// x Φ(x); from -∞ to -14.5 it is below what f32 holds
fn gelu4(x: vec4f) -> vec4f {
  let size = within4(abs(x), 0.0, 14.5);
  let e = bell4(size, 0.5);
  let half = 0.5 * erfcx4(size * 0.70710678);
  return select(x * (1.0 - value4(e) * half), product4(e, -size * half), x < vec4f());
}

/// Φ(x) + x φ(x)
fn gelu_slope4(x: vec4f) -> vec4f {
  let size = within4(abs(x), 0.0, 15.0);
  let tail = product4(bell4(size, 0.5), 0.5 * erfcx4(size * 0.70710678) - 0.39894228 * size);
  return select(1.0 - tail, tail, x < vec4f());
}
