// roof/multiply_add: chains of multiply-adds and nothing else, to measure a device's peak arithmetic rate.
//   forward  y[lane] = Σ of eight chains after STEPS times round: s ← s · a + b, on vectors of four.
// Eight chains a lane hide the latency of each; a and b are params, so that no compiler can precompute the result.
// Shapes: y float[lanes]. Grid: WG lanes a workgroup, in a line. Operations: lanes · STEPS · 8 chains · 4 · 2. Traffic:
// negligible.

struct Params { a: f32, b: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

const WG = 256u;
const STEPS = 1024u; // tune: 64u 1024u

@compute @workgroup_size(WG)
fn forward(@builtin(global_invocation_id) id: vec3u) {
  let a = vec4f(params.a);
  let b = vec4f(params.b) + vec4f(f32(id.x & 15u)) * 1e-6;
  var s0 = b;
  var s1 = b + 1.0;
  var s2 = b + 2.0;
  var s3 = b + 3.0;
  var s4 = b + 4.0;
  var s5 = b + 5.0;
  var s6 = b + 6.0;
  var s7 = b + 7.0;
  for (var i = 0u; i < STEPS; i++) {
    s0 = fma(s0, a, b);
    s1 = fma(s1, a, b);
    s2 = fma(s2, a, b);
    s3 = fma(s3, a, b);
    s4 = fma(s4, a, b);
    s5 = fma(s5, a, b);
    s6 = fma(s6, a, b);
    s7 = fma(s7, a, b);
  }
  let s = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7));
  y[id.x] = (s.x + s.y) + (s.z + s.w);
}
