// Activations and their slopes on four values, written so that no intermediate overflows: some drivers assume there are no infinities.

fn sigmoid4(x: vec4f) -> vec4f { return 1.0 / (1.0 + exp(min(-x, vec4(88.0)))); }

fn tanh4(x: vec4f) -> vec4f { return tanh(clamp(x, vec4(-15.0), vec4(15.0))); }

fn silu4(x: vec4f) -> vec4f { return x * sigmoid4(x); }

fn silu_slope4(x: vec4f) -> vec4f {
  let s = sigmoid4(x);
  return s * (1.0 + x * (1.0 - s));
}

// Abramowitz and Stegun 7.1.26: off by at most 1.5e-7.
fn erf4(x: vec4f) -> vec4f {
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (1.0 - p * exp(-min(x * x, vec4(88.0))));
}

fn gelu4(x: vec4f) -> vec4f { return 0.5 * x * (1.0 + erf4(x * 0.70710678)); }

fn gelu_slope4(x: vec4f) -> vec4f {
  return 0.5 * (1.0 + erf4(x * 0.70710678)) + x * 0.39894228 * exp(-min(0.5 * x * x, vec4(88.0)));
}

// 0.5 x (1 + tanh u) = x · sigmoid(2u), u = √(2/π) (x + 0.044715 x³)
fn gelu_tanh4(x: vec4f) -> vec4f { return x * sigmoid4(1.59576912 * x * (1.0 + 0.044715 * x * x)); }

fn gelu_tanh_slope4(x: vec4f) -> vec4f {
  let s = sigmoid4(1.59576912 * x * (1.0 + 0.044715 * x * x));
  return s + x * (s * (1.0 - s)) * 1.59576912 * (1.0 + 0.134145 * x * x);
}

fn quick_gelu4(x: vec4f) -> vec4f { return x * sigmoid4(1.702 * x); }

fn quick_gelu_slope4(x: vec4f) -> vec4f {
  let s = sigmoid4(1.702 * x);
  return s * (1.0 + 1.702 * x * (1.0 - s));
}
