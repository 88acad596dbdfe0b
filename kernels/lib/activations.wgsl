// Activations and their derivatives on four values, right over the whole range of f32: no difference of near numbers,
// no product of a number that overflows with one that vanishes. All come from e = e^-|z|, which never overflows:
// sigmoid z = 1 / (1 + e) or e / (1 + e).
// Needs lib/exponential.wgsl, lib/logarithm.wgsl.

fn sigmoid4(x: vec4f) -> vec4f {
  let e = exp4(-abs(x));
  return select(vec4f(1.0), e, x < vec4f()) / (1.0 + e);
}

fn sigmoid_slope4(x: vec4f) -> vec4f {
  let e = scaled_exp4(-abs(x), vec4f());
  let whole = 1.0 + value4(e);
  return product4(e, 1.0 / (whole * whole));
}

fn tanh4(x: vec4f) -> vec4f {
  let t = expm1_4(-2.0 * abs(x));
  let size = -t / (t + 2.0);
  return select(size, -size, bitcast<vec4u>(x) >= vec4u(0x80000000u));
}

/// 1 / cosh² x
fn tanh_slope4(x: vec4f) -> vec4f {
  let e = scaled_exp4(-2.0 * abs(x), vec4f());
  let whole = 1.0 + value4(e);
  return product4(e, 4.0 / (whole * whole));
}

fn softplus4(x: vec4f) -> vec4f { return select(vec4f(), x, x > vec4f()) + log1p_4(exp4(-abs(x))); }

/// x · sigmoid(z) from e = e^-|z|, z of x's sign: x / (1 + e) or e · x / (1 + e), one division for both. Beyond 200 the
/// sum is 1.
fn gated4(x: vec4f, e: Scaled) -> vec4f {
  let part = within4(x, -200.0, 200.0) / (1.0 + value4(e));
  return select(select(part, x, x > vec4f(200.0)), product4(e, part), x < vec4f());
}

/// Its derivative sigmoid(z) · (1 + w · sigmoid(-z)) with w = x · dz/dx, in two divisions for both signs
fn gated_slope4(x: vec4f, w: vec4f, e: Scaled) -> vec4f {
  let v = value4(e);
  let whole = 1.0 + v;
  let slope = (1.0 + select(w * v, w, x < vec4f()) / whole) / whole;
  return select(slope, product4(e, slope), x < vec4f());
}

fn silu4(x: vec4f) -> vec4f { return gated4(x, scaled_exp4(-abs(x), vec4f())); }

fn silu_slope4(x: vec4f) -> vec4f { return gated_slope4(x, within4(x, -200.0, 200.0), scaled_exp4(-abs(x), vec4f())); }

/// e^-|1.702 x|
fn quick_gelu_exp4(x: vec4f) -> Scaled {
  let size = within4(abs(x), 0.0, 120.0);
  let high = upper4(size);
  return scaled_exp4(-1.70166015625 * high, -(3.3984375e-4 * high + 1.702 * (size - high)));
}

fn quick_gelu4(x: vec4f) -> vec4f { return gated4(x, quick_gelu_exp4(x)); }

fn quick_gelu_slope4(x: vec4f) -> vec4f {
  return gated_slope4(x, 1.702 * within4(x, -120.0, 120.0), quick_gelu_exp4(x));
}

// 0.5 x (1 + tanh u) = x · sigmoid(2u), 2u = x · (c + d x²), c = √(8/π), d = 0.044715 c

/// e^-|2u|: the factor of x as a number of twelve bits and a rest, for which c and d come in parts whose products with
/// eight bits of x are exact.
fn gelu_tanh_exp4(x: vec4f) -> Scaled {
  let size = within4(abs(x), 0.0, 12.0);
  let high = upper4(size);
  let eight = bitcast<vec4f>(bitcast<vec4u>(size) & vec4u(0xffff0000u));
  let square = eight * eight;
  let g = upper4(1.59576912 + 0.0713548163 * size * size);
  let rest = ((1.59375 - g) + 0.0712890625 * square)
    + (0.0020191216057 + (6.5753772600e-5 * square + 0.0713548163 * (size - eight) * (size + eight)));
  return scaled_exp4(-high * g, -((size - high) * g + size * rest));
}

fn gelu_tanh4(x: vec4f) -> vec4f { return gated4(x, gelu_tanh_exp4(x)); }

fn gelu_tanh_slope4(x: vec4f) -> vec4f {
  let v = within4(x, -12.0, 12.0);
  return gated_slope4(x, v * (1.59576912 + 0.2140644488 * v * v), gelu_tanh_exp4(x));
}
