// optim/adamw_norm: the norm of all gradients in two passes of fixed order, and the factor that clips it.
//   partial  sums[slot + w] = Σ g² over workgroup w's 4 · WG · ROUNDS elements
//   finish   norm = √Σ sums;   result = norm, min(1, max_norm / (norm + 1e-6))   (factor 1 when max_norm is 0, and -1
//            when the norm is not finite)
// Shapes: g float[4 · vectors], sums float[slots], result float[2]. Grid: partial one workgroup for each WG · ROUNDS
// vectors in a line, finish one workgroup. Accumulates in f32, lane by lane, then lane 0 over the lanes. Traffic: 4
// bytes per element. Source of the 1e-6: PyTorch clip_grad_norm_.
// uses: lib/block_sum.wgsl, lib/turns.wgsl

struct Params { vectors: u32, slot: u32, slots: u32, max_norm: f32 }

alias T = f32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;
@group(0) @binding(3) var<storage, read> sums_done: array<f32>;
@group(0) @binding(4) var<storage, read_write> result: array<f32>;

const WG = 64u;
const ROUNDS = 64u;
var<workgroup> lanes: array<f32, WG>;

fn sum_of_lanes(mine: f32, lane: u32) -> f32 {
  lanes[lane] = mine;
  workgroupBarrier();
  var sum = 0.0;
  if (lane == 0u) {
    for (var i = 0u; i < WG; i++) { sum += lanes[i]; }
  }
  return sum;
}

@compute @workgroup_size(WG)
fn partial(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let group = wg.y * count.x + wg.x;
  let first = group * WG * ROUNDS;
  let end = min(first + WG * ROUNDS, params.vectors);
  var squares = vec4f();
  var i = first + lane;
  // Four loads are in flight together.
  for (var left = turns(i + 3u * WG, end, 4u * WG); left > 0u; left--) {
    let g0 = g[i];
    let g1 = g[i + WG];
    let g2 = g[i + 2u * WG];
    let g3 = g[i + 3u * WG];
    squares += g0 * g0;
    squares += g1 * g1;
    squares += g2 * g2;
    squares += g3 * g3;
    i += 4u * WG;
  }
  for (var left = turns(i, end, WG); left > 0u; left--) {
    squares += g[i] * g[i];
    i += WG;
  }
  let sum = sum_of_lanes(dot(squares, vec4f(1.0)), lane);
  if (lane == 0u && first < params.vectors) { sums[params.slot + group] = sum; }
}

@compute @workgroup_size(WG)
fn finish(@builtin(local_invocation_index) lane: u32) {
  var blocks = Blocks();
  for (var i = lane; i < params.slots;) {
    let stop = min(i + BLOCK * WG, params.slots);
    var part = 0.0;
    for (var left = turns(i, stop, WG); left > 0u; left--) {
      part += sums_done[i];
      i += WG;
    }
    blocks = add_block(blocks, part);
  }
  let norm = sqrt(sum_of_lanes(sum_of(blocks), lane));
  if (lane > 0u) { return; }
  var factor = 1.0;
  if (params.max_norm > 0.0) { factor = min(1.0, params.max_norm / (norm + 1e-6)); }
  let finite = (bitcast<u32>(norm) & 0x7f800000u) != 0x7f800000u;
  result[0] = norm;
  result[1] = select(-1.0, factor, finite);
}
