// elementwise/unary: one function of one tensor.
//   forward   y = f(x)
//   backward  dx = dy · f'   from x, or from y where the slope is cheaper in it (EXP SQRT RSQRT TANH SIGMOID RELU)
// With numbers p and q: AFFINE p·x + q, POW x^p, MAX max(x, p), MIN min(x, p), INVERSE p / x, CLAMP into p..q, ELU and LEAKY_RELU with p below 0.
// FLOOR, CEIL, ROUND (halves to even) and SIGN have slope 0. f(NaN) is NaN, but for x^0.
// Shapes: x, y, saved, dy, dx float[size], dense, in fours; the last four may reach into the padding of the buffers.
// Grid: ceil(size / 4 / (WG · STEPS)) workgroups in a line. Traffic: 8 bytes an element forward, 12 backward (8 for AFFINE).
// uses: lib/extremes.wgsl, lib/activations.wgsl, lib/sine.wgsl, lib/run.wgsl

struct Params { vectors: u32, p: f32, q: f32 }

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
const OP = AFFINE; // tune: AFFINE EXP LOG SQRT RSQRT ABS TANH SIGMOID RELU GELU GELU_TANH QUICK_GELU SILU POW MAX MIN INVERSE SIN COS ERF SOFTPLUS ELU LEAKY_RELU CLAMP FLOOR CEIL ROUND SIGN
const WG = 64u;
const STEPS = 1u; // tune: 1u 16u 64u

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let begin = run_begin(wg, count, lane);
  let end = run_end(begin, params.vectors);
  for (var i = begin; i < end; i += 8u) { y[i] = value(x[i]); }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let begin = run_begin(wg, count, lane);
  let end = run_end(begin, params.vectors);
  for (var i = begin; i < end; i += 8u) { dx[i] = dy[i] * slope(saved[i]); }
}

// max, min, clamp and sign drop NaN, exp and log of some drivers too.
fn value(v: vec4f) -> vec4f {
  if (OP == AFFINE || OP == ABS || (OP == POW && params.p == 0.0)) { return function_of(v); }
  return with_nan(function_of(v), v, v);
}

fn function_of(v: vec4f) -> vec4f {
  switch OP {
    case EXP { return exp(v); }
    case LOG { return log(v); }
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
    case POW { return power(v, params.p); }
    case MAX { return max(v, vec4(params.p)); }
    case MIN { return min(v, vec4(params.p)); }
    case INVERSE { return params.p / v; }
    case SIN { return sin4(v); }
    case COS { return cos4(v); }
    case ERF { return erf4(v); }
    case SOFTPLUS { return max(v, vec4(0.0)) + log(1.0 + exp(-min(abs(v), vec4(88.0)))); }
    case ELU { return max(v, vec4(0.0)) + params.p * (exp(clamp(v, vec4(-88.0), vec4(0.0))) - 1.0); }
    case LEAKY_RELU { return max(v, vec4(0.0)) + params.p * min(v, vec4(0.0)); }
    case CLAMP { return clamp(v, vec4(params.p), vec4(params.q)); }
    case FLOOR { return floor(v); }
    case CEIL { return ceil(v); }
    case ROUND { return round(v); }
    case SIGN { return sign(v); }
    default { return v * params.p + params.q; }
  }
}

fn slope(v: vec4f) -> vec4f {
  switch OP {
    case EXP { return v; }
    case LOG { return 1.0 / v; }
    case SQRT { return 0.5 / v; }
    case RSQRT { return -0.5 * v * v * v; }
    case ABS { return sign(v); }
    case TANH { return 1.0 - v * v; }
    case SIGMOID { return v * (1.0 - v); }
    case RELU { return select(vec4(0.0), vec4(1.0), v > vec4(0.0)); }
    case GELU { return gelu_slope4(v); }
    case GELU_TANH { return gelu_tanh_slope4(v); }
    case QUICK_GELU { return quick_gelu_slope4(v); }
    case SILU { return silu_slope4(v); }
    case POW { return params.p * power(v, select(params.p - 1.0, 0.0, params.p == 0.0)); }
    case MAX { return select(vec4(0.0), vec4(1.0), v > vec4(params.p)); }
    case MIN { return select(vec4(0.0), vec4(1.0), v < vec4(params.p)); }
    case INVERSE { return -params.p / (v * v); }
    case SIN { return cos4(v); }
    case COS { return -sin4(v); }
    case ERF { return 1.12837917 * exp(-min(v * v, vec4(88.0))); }
    case SOFTPLUS { return with_nan(sigmoid4(v), v, v); }
    case ELU { return select(params.p * exp(clamp(v, vec4(-88.0), vec4(0.0))), vec4(1.0), v > vec4(0.0)); }
    case LEAKY_RELU { return select(vec4(params.p), vec4(1.0), v > vec4(0.0)); }
    case CLAMP { return select(vec4(0.0), vec4(1.0), (v >= vec4(params.p)) & (v <= vec4(params.q))); }
    case FLOOR, CEIL, ROUND, SIGN { return vec4(0.0); }
    default { return vec4(params.p); }
  }
}

// pow() is undefined for negative bases; whole exponents have a sign instead, and the commonest are exact.
fn power(v: vec4f, p: f32) -> vec4f {
  if (p == 0.0) { return vec4(1.0); }
  if (p == 1.0) { return v; }
  if (p == 2.0) { return v * v; }
  if (p != floor(p)) { return pow(v, vec4(p)); }
  let size = pow(abs(v), vec4(p));
  return select(size, size * sign(v), p * 0.5 != floor(p * 0.5));
}
