// elementwise/unary: one function of one tensor.
//   forward   y = f(x)
//   backward  dx = dy · f'   from x, or from y where the derivative is cheaper in it (EXP SQRT RSQRT RELU)
// With numbers p and q: AFFINE p·x + q, MAX max(x, p), MIN min(x, p), INVERSE p / x, QUOTIENT x / p, CLAMP into p..q,
// ELU and LEAKY_RELU with p below 0; POW: q·x^n, n = p + low, see `Exponent`. MAX and MIN have derivative ½ where x =
// p. FLOOR, CEIL, ROUND (halves to even) and SIGN have derivative 0. f(NaN) is NaN, but for x^0.
// Shapes: x, y, saved, dy, dx float[size], dense, in vec4s; the last four may reach into the padding of the buffers.
// Grid: ceil(size / 4 / (WG · STEPS)) workgroups in a line. Traffic: 8 bytes per element forward, 12 backward (8 for
// AFFINE).
// Numbers: float64 to the ulp that docs/accuracy.md lists, over the whole range of f32; subnormal numbers may count as
// 0.
// uses: lib/extremes.wgsl, lib/special_values.wgsl, lib/exponential.wgsl, lib/logarithm.wgsl, lib/error_function.wgsl, lib/activations.wgsl, lib/sine.wgsl, lib/run.wgsl, lib/turns.wgsl

/// form: of POW, see below
struct Params { vectors: u32, p: f32, q: f32, low: f32, form: u32 }

alias T = vec4<f32>;
alias U = vec4<u32>;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> saved: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> dx: array<vec4<f32>>;

const AFFINE = 0u;
const EXP = 1u;
const LOG = 2u;
const SQRT = 3u;
const RSQRT = 4u;
const ABS = 5u;
const TANH = 6u;
const SIGMOID = 7u;
const RELU = 8u;
const GELU = 9u;
const GELU_TANH = 10u;
const QUICK_GELU = 11u;
const SILU = 12u;
const POW = 13u;
const MAX = 14u;
const MIN = 15u;
const INVERSE = 16u;
const SIN = 17u;
const COS = 18u;
const ERF = 19u;
const SOFTPLUS = 20u;
const ELU = 21u;
const LEAKY_RELU = 22u;
const CLAMP = 23u;
const FLOOR = 24u;
const CEIL = 25u;
const ROUND = 26u;
const SIGN = 27u;
const EXPM1 = 28u;
const LOG1P = 29u;
const QUOTIENT = 30u;
const OP = AFFINE; // tune: AFFINE EXP LOG SQRT RSQRT ABS TANH SIGMOID RELU GELU GELU_TANH QUICK_GELU SILU POW MAX MIN INVERSE SIN COS ERF SOFTPLUS ELU LEAKY_RELU CLAMP FLOOR CEIL ROUND SIGN EXPM1 LOG1P QUOTIENT
const WG = 64u;
const STEPS = 1u; // tune: 1u 4u 16u 64u

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let begin = run_begin(wg, count, lane);
  let end = run_end(begin, params.vectors);
  var i = begin;
  for (var left = turns(i, end, 8u); left > 0u; left--) {
    y[i] = value(x[i]);
    i += 8u;
  }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let begin = run_begin(wg, count, lane);
  let end = run_end(begin, params.vectors);
  var i = begin;
  for (var left = turns(i, end, 8u); left > 0u; left--) {
    dx[i] = gradient(dy[i], saved[i]);
    i += 8u;
  }
}

// max, min, clamp and sign drop NaN, exp and log of some drivers too.
fn value(v: vec4f) -> vec4f {
  if (OP == AFFINE || OP == ABS || (OP == POW && params.p == 0.0)) { return function_of(v); }
  return with_nan(function_of(v), v, v);
}

fn function_of(v: vec4f) -> vec4f {
  switch OP {
    case EXP { return exp4(v); }
    case LOG { return log4(v); }
    case SQRT { return sqrt(v); }
    case RSQRT { return inverseSqrt(v); }
    case ABS { return abs(v); }
    case TANH { return tanh4(v); }
    case SIGMOID { return sigmoid4(v); }
    case RELU { return max(v, vec4(0.0)); }
    case GELU { return gelu4(v); }
    case GELU_TANH { return gelu_tanh4(v); }
    case QUICK_GELU { return quick_gelu4(v); }
    case SILU { return silu4(v); }
    case POW { return power(v); }
    case MAX { return max(v, vec4(params.p)); }
    case MIN { return min(v, vec4(params.p)); }
    case INVERSE { return params.p / v; }
    case SIN { return sin4(v); }
    case COS { return cos4(v); }
    case ERF { return erf4(v); }
    case SOFTPLUS { return softplus4(v); }
    case ELU { return select(params.p * expm1_4(v), v, v > vec4(0.0)); }
    case LEAKY_RELU { return select(params.p * v, v, v > vec4(0.0)); }
    case CLAMP { return clamp(v, vec4(params.p), vec4(params.q)); }
    case FLOOR { return floor(v); }
    case CEIL { return ceil(v); }
    case ROUND { return round(v); }
    case SIGN { return sign(v); }
    case EXPM1 { return expm1_4(v); }
    case LOG1P { return log1p_4(v); }
    case QUOTIENT { return v / params.p; }
    default { return v * params.p + params.q; }
  }
}

// Where a derivative is defined as 0 nothing passes, not even ∞ or NaN; at x = NaN the gradient passes, except for
// CLAMP.
fn gradient(g: vec4f, v: vec4f) -> vec4f {
  let none = vec4(0.0);
  switch OP {
    case RELU { return select(g, none, v <= none); }
    case MAX { return select(select(g, none, v < vec4(params.p)), 0.5 * g, v == vec4(params.p)); }
    case MIN { return select(select(g, none, v > vec4(params.p)), 0.5 * g, v == vec4(params.p)); }
    case CLAMP { return select(none, g, (v > vec4(params.p)) & (v < vec4(params.q))); }
    case FLOOR, CEIL, ROUND, SIGN { return none; }
    case POW { return select(g * power(v), none, vec4(params.form == ZEROTH && params.q == 0.0)); }
    default { return g * slope(v); }
  }
}

fn slope(v: vec4f) -> vec4f {
  switch OP {
    case EXP { return v; }
    case LOG { return 1.0 / v; }
    case SQRT { return 0.5 / v; }
    case RSQRT { return -0.5 * v * v * v; }
    case ABS { return sign(v); }
    case TANH { return tanh_slope4(v); }
    case SIGMOID { return sigmoid_slope4(v); }
    case GELU { return gelu_slope4(v); }
    case GELU_TANH { return gelu_tanh_slope4(v); }
    case QUICK_GELU { return quick_gelu_slope4(v); }
    case SILU { return silu_slope4(v); }
    case INVERSE { return -(params.p / v) / v; }
    case SIN { return cos4(v); }
    case COS { return -sin4(v); }
    case ERF { return erf_slope4(v); }
    case SOFTPLUS { return with_nan(sigmoid4(v), v, v); }
    case ELU { return select(product4(scaled_exp4(v, vec4f()), vec4f(params.p)), vec4(1.0), v > vec4(0.0)); }
    case LEAKY_RELU { return select(vec4(params.p), vec4(1.0), v > vec4(0.0)); }
    case EXPM1 { return exp4(v); }
    case LOG1P { return 1.0 / (1.0 + v); }
    case QUOTIENT { return vec4(1.0); }
    default { return vec4(params.p); }
  }
}

// The most common exponents are exact. For others form is 8, plus 1 for integers, plus 2 for odd ones.
const ZEROTH = 0u;
const FIRST = 1u;
const SECOND = 2u;
const THIRD = 3u;
const INVERSE_FIRST = 4u;

fn power(v: vec4f) -> vec4f {
  switch params.form {
    case ZEROTH { return vec4(params.q); }
    case FIRST { return params.q * v; }
    case SECOND { return params.q * v * v; }
    case THIRD { return params.q * v * v * v; }
    case INVERSE_FIRST { return params.q / v; }
    default { return power4(v, Exponent(params.p, params.low, (params.form & 1u) == 1u, (params.form & 2u) == 2u),
      params.q); }
  }
}
