// optim/adamw_update_8bit: one AdamW step in place, as optim/adamw_update, with moments of 8 bits.
//   m = absmax.x · signed[code], v = absmax.y · unsigned[code], one pair absmax for 256 neighbours. They are updated in
//   f32 and x with them; then absmax = max|m|, max v, and a code is the level nearest to m / absmax.x or v / absmax.y,
//   the lower of two equally near. A block whose greatest moment is below 2^-126 becomes zeros.
// rate and norm as in optim/adamw_update; nothing changes if clip is negative.
// Shapes: x, g float[256 · blocks]; m, v u32[64 · blocks], the first code in the lowest bits; absmax float[blocks, 2];
// levels float[512], the signed map before the unsigned one, both ascending; rate float[3]; norm float[2]. Grid:
// ceil(blocks / BLOCKS) workgroups in a line; of each of its blocks a lane has four neighbours.
// All blocks of a workgroup are read and reduced together, for fewer waits and barriers. A code is computed to within
// one from the logarithm of its value, and three levels around it decide.
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
const ZERO = 127u; // code of 0 in the signed map
const DECADES = 7.0;
const LOG10_2 = 0.301029996;
const LOG2_10 = 3.321928095;

struct Moments { first: vec4f, second: vec4f }

var<workgroup> map: array<f32, 512>;
// Of each block and lane, sixteenth and quarter.
var<workgroup> lane_max: array<vec2f, BLOCKS * WG>;
var<workgroup> part_max: array<vec2f, BLOCKS * 16>;
var<workgroup> most_max: array<vec2f, BLOCKS * 4>;

@compute @workgroup_size(WG)
fn update(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let clip = norm[1];
  let block = (wg.y * count.x + wg.x) * BLOCKS;
  if (clip < 0.0 || block >= params.blocks) { return; }
  for (var i = 0u; i < 512u / WG; i++) { map[i * WG + lane] = levels[i * WG + lane]; }
  workgroupBarrier();
  let at0 = updated(block, lane, clip);
  let at1 = updated(block + 1u, lane, clip);
  let at2 = updated(block + 2u, lane, clip);
  let at3 = updated(block + 3u, lane, clip);

  lane_max[lane] = greatest_of(at0);
  lane_max[WG + lane] = greatest_of(at1);
  lane_max[2u * WG + lane] = greatest_of(at2);
  lane_max[3u * WG + lane] = greatest_of(at3);
  workgroupBarrier();
  let place = lane / 16u * WG + lane % 16u;
  part_max[lane] =
    max(max(lane_max[place], lane_max[place + 16u]), max(lane_max[place + 32u], lane_max[place + 48u]));
  workgroupBarrier();
  if (lane < 16u) {
    let part = lane % 16u / 4u * 16u + lane % 4u;
    most_max[lane % 16u] =
      max(max(part_max[part], part_max[part + 4u]), max(part_max[part + 8u], part_max[part + 12u]));
  }
  workgroupBarrier();
  store(block, lane, at0, max(max(most_max[0], most_max[1]), max(most_max[2], most_max[3])));
  store(block + 1u, lane, at1, max(max(most_max[4], most_max[5]), max(most_max[6], most_max[7])));
  store(block + 2u, lane, at2, max(max(most_max[8], most_max[9]), max(most_max[10], most_max[11])));
  store(block + 3u, lane, at3, max(max(most_max[12], most_max[13]), max(most_max[14], most_max[15])));
}

// Updates x, and gives the moments of a lane. Past the end those of the last block, which nothing is made of.
fn updated(of_block: u32, lane: u32, clip: f32) -> Moments {
  let block = min(of_block, params.blocks - 1u);
  let i = block * WG + lane;
  let gradient = clip * g[i];
  let value = x[i];
  let before = absmax[block];
  let first = params.beta1 * (before.x * signed_levels(m[i])) + params.rest1 * gradient;
  let second = params.beta2 * (before.y * unsigned_levels(v[i])) + params.rest2 * gradient * gradient;
  let lr = rate[0] * params.factor;
  let kept = 1.0 - lr * params.decay;
  let step = lr / rate[1];
  let scale = 1.0 / rate[2];
  if (of_block < params.blocks) { x[i] = value * kept - step * first / (sqrt(second) * scale + params.eps); }
  return Moments(first, second);
}

fn greatest_of(moments: Moments) -> vec2f { return vec2f(most(abs(moments.first)), most(moments.second)); }

fn store(block: u32, lane: u32, moments: Moments, greatest: vec2f) {
  if (block >= params.blocks) { return; }
  let after = select(vec2f(), greatest, greatest >= vec2f(LEAST_NORMAL));
  m[block * WG + lane] = signed_codes(select(vec4f(), moments.first / after.x, vec4<bool>(after.x > 0.0)));
  v[block * WG + lane] = unsigned_codes(select(vec4f(), moments.second / after.y, vec4<bool>(after.y > 0.0)));
  if (lane == 0u) { absmax[block] = after; }
}

fn signed_levels(codes: u32) -> vec4f {
  return vec4f(map[codes % 256u], map[(codes >> 8u) % 256u], map[(codes >> 16u) % 256u], map[(codes >> 24u) % 256u]);
}

fn unsigned_levels(codes: u32) -> vec4f {
  return vec4f(map[UNSIGNED + codes % 256u], map[UNSIGNED + (codes >> 8u) % 256u],
    map[UNSIGNED + (codes >> 16u) % 256u], map[UNSIGNED + (codes >> 24u) % 256u]);
}

fn signed_codes(values: vec4f) -> u32 {
  return signed_code(values.x) | (signed_code(values.y) << 8u) | (signed_code(values.z) << 16u) |
    (signed_code(values.w) << 24u);
}

fn unsigned_codes(values: vec4f) -> u32 {
  return unsigned_code(values.x) | (unsigned_code(values.y) << 8u) | (unsigned_code(values.z) << 16u) |
    (unsigned_code(values.w) << 24u);
}

// Of 127 levels on either side of 0, which is 127; 1 is one more.
fn signed_code(value: f32) -> u32 {
  let rank = share_of(abs(value), 1u);
  let below = min(max(select(ZERO + rank, ZERO - rank, value < 0.0), 1u) - 1u, 253u);
  return below + past(value, map[below], map[below + 1u], map[below + 2u]);
}

fn unsigned_code(value: f32) -> u32 {
  let below = min(share_of(value, 2u) - 2u, 253u);
  return below + past(value, map[UNSIGNED + below], map[UNSIGNED + below + 1u], map[UNSIGNED + below + 2u]);
}

// The shares of the decades between 1e-7 and 1 are counted from the least one, `least` of them in the first decade and
// twice as many in each further one; the first has the number `least`. Which of two at a border does not matter: a
// value's share is enough to name the level below or above it.
fn share_of(value: f32, least: u32) -> u32 {
  let decade = min(u32(log2(max(value, 1e-7)) * LOG10_2 + DECADES), 6u);
  let shares = least << decade;
  let tenths = value * exp2(LOG2_10 * (DECADES - 1.0 - f32(decade)));
  return shares + min(u32((tenths - 0.1) * (f32(shares) / 0.9)), shares - 1u);
}

// How far the nearest level is past `below`, which is one or two levels under the value, or the least.
fn past(value: f32, below: f32, near: f32, above: f32) -> u32 {
  let is_past = value >= near;
  let low = select(below, near, is_past);
  let high = select(near, above, is_past);
  return select(0u, 1u, is_past) + select(0u, 1u, value - low > high - value);
}

fn most(values: vec4f) -> f32 { return max(max(values.x, values.y), max(values.z, values.w)); }
