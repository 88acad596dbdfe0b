// optim/adamw_update_8bit: one AdamW step in place, as optim/adamw_update, with moments of 8 bits.
//   m = absmax.x · signed[code], v = absmax.y · unsigned[code], one pair absmax for 256 neighbours. They are updated in
//   f32 and x with them; then absmax = max|m|, max v, and a code is the level nearest to m / absmax.x or v / absmax.y,
//   the lower of two equally near. A block whose greatest moment is below 2^-126 becomes zeros.
// rate and norm as in optim/adamw_update; nothing changes if clip is negative.
// Shapes: x, g float[256 · blocks]; m, v u32[64 · blocks], the first code in the lowest bits; absmax float[blocks, 2];
// levels float[512], the signed map before the unsigned one, both ascending; rate float[3]; norm float[2]. Grid:
// ceil(blocks / BLOCKS) workgroups in a line, a workgroup a block at a time, a lane four neighbours.
// Traffic: 16 bytes per element. Source: Dettmers et al. 2022, "8-bit Optimizers via Block-wise Quantization"
// (arXiv:2110.02861); AdamW8bit of bitsandbytes.

struct Params { blocks: u32, factor: f32, beta1: f32, rest1: f32, beta2: f32, rest2: f32, eps: f32, decay: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> m: array<u32>;
@group(0) @binding(4) var<storage, read_write> v: array<u32>;
@group(0) @binding(5) var<storage, read_write> absmax: array<vec2f>;
@group(0) @binding(6) var<storage, read> levels: array<f32>;
@group(0) @binding(7) var<storage, read> rate: array<f32>;
@group(0) @binding(8) var<storage, read> norm: array<f32>;

const WG = 64u;
const BLOCKS = 4u;
const UNSIGNED = 256u; // where its map begins
const LEAST_NORMAL = 0x1p-126f;

var<workgroup> map: array<f32, 512>;
var<workgroup> lane_max: array<vec2f, WG>;
var<workgroup> part_max: array<vec2f, 16>;

@compute @workgroup_size(WG)
fn update(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let clip = norm[1];
  if (clip < 0.0) { return; }
  for (var i = lane; i < 512u; i += WG) { map[i] = levels[i]; }
  workgroupBarrier();
  let lr = rate[0] * params.factor;
  let kept = 1.0 - lr * params.decay;
  let step = lr / rate[1];
  let scale = 1.0 / rate[2];
  let begin = (wg.y * count.x + wg.x) * BLOCKS;
  let end = min(begin + BLOCKS, params.blocks);
  for (var block = begin; block < end; block++) {
    let i = block * WG + lane;
    let gradient = clip * g[i];
    let before = absmax[block];
    let first = params.beta1 * (before.x * levels_of(m[i], 0u)) + params.rest1 * gradient;
    let second = params.beta2 * (before.y * levels_of(v[i], UNSIGNED)) + params.rest2 * gradient * gradient;
    x[i] = x[i] * kept - step * first / (sqrt(second) * scale + params.eps);
    let greatest = block_max(vec2f(most(abs(first)), most(second)), lane);
    let after = select(vec2f(), greatest, greatest >= vec2f(LEAST_NORMAL));
    m[i] = codes_of(first, after.x, 0u);
    v[i] = codes_of(second, after.y, UNSIGNED);
    if (lane == 0u) { absmax[block] = after; }
  }
}

fn levels_of(word: u32, map_at: u32) -> vec4f {
  let at = ((vec4u(word) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u)) + map_at;
  return values_at(at);
}

fn values_at(at: vec4u) -> vec4f { return vec4f(map[at.x], map[at.y], map[at.z], map[at.w]); }

// Bisection for the greatest level that is not above a value, then the nearer of it and the next.
fn codes_of(moments: vec4f, greatest: f32, map_at: u32) -> u32 {
  let values = select(vec4f(), moments / greatest, vec4<bool>(greatest > 0.0));
  var at = vec4u(map_at);
  for (var stride = 128u; stride > 0u; stride >>= 1u) {
    at += select(vec4u(), vec4u(stride), values >= values_at(at + stride));
  }
  let next = min(at + 1u, vec4u(map_at + 255u));
  let nearest = select(at, next, values - values_at(at) > values_at(next) - values) - map_at;
  return nearest.x | (nearest.y << 8u) | (nearest.z << 16u) | (nearest.w << 24u);
}

fn most(values: vec4f) -> f32 { return max(max(values.x, values.y), max(values.z, values.w)); }

// The greatest of all lanes, to every lane: sixteen of them reduce the others, then each lane the sixteen.
fn block_max(value: vec2f, lane: u32) -> vec2f {
  lane_max[lane] = value;
  workgroupBarrier();
  if (lane < 16u) {
    var part = lane_max[lane];
    for (var i = 1u; i < WG / 16u; i++) { part = max(part, lane_max[lane + 16u * i]); }
    part_max[lane] = part;
  }
  workgroupBarrier();
  var total = part_max[0];
  for (var i = 1u; i < 16u; i++) { total = max(total, part_max[i]); }
  return total;
}
