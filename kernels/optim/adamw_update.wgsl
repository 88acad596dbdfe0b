// optim/adamw_update: one AdamW step over flat buffers, in place.
//   g' = clip · g;  m = β₁·m + (1-β₁)·g';  v = β₂·v + (1-β₂)·g'²;  x = x·(1 - lr·decay) - lr · (m / c₁) / (√v / √c₂ +
//     eps)
// lr = rate[0] · factor, c₁ = rate[1] = 1 - β₁ᵗ, √c₂ = rate[2] = √(1 - β₂ᵗ): data, so that a recorded step can be
// replayed. norm = the gradients' norm and clip (optim/adamw_norm); nothing changes if clip is negative.
// Shapes: x, g, m, v float[4 · vectors]; rate float[3]; norm float[2]. Grid: ceil(vectors / (WG · STEPS)) workgroups in
// a line.
// Traffic: 28 bytes per element. Source: Loshchilov & Hutter 2019, as torch.optim.AdamW.
// uses: lib/run.wgsl, lib/turns.wgsl

struct Params { vectors: u32, factor: f32, beta1: f32, rest1: f32, beta2: f32, rest2: f32, eps: f32, decay: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> m: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> v: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> rate: array<f32>;
@group(0) @binding(6) var<storage, read> norm: array<f32>;

const WG = 64u;
const STEPS = 1u; // tune: 1u 4u 16u 64u

@compute @workgroup_size(WG)
fn update(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let clip = norm[1];
  if (clip < 0.0) { return; }
  let lr = rate[0] * params.factor;
  let kept = 1.0 - lr * params.decay;
  let step = lr / rate[1];
  let scale = 1.0 / rate[2];
  let begin = run_begin(wg, count, lane);
  let end = run_end(begin, params.vectors);
  var i = begin;
  for (var left = turns(i, end, 8u); left > 0u; left--) {
    let gradient = clip * g[i];
    let value = x[i];
    let first = params.beta1 * m[i] + params.rest1 * gradient;
    let second = params.beta2 * v[i] + params.rest2 * gradient * gradient;
    m[i] = first;
    v[i] = second;
    x[i] = value * kept - step * first / (sqrt(second) * scale + params.eps);
    i += 8u;
  }
}
