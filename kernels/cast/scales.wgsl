// cast/scales: scales of a quantised weight in 8 bits, with a least value and a step a block of 256 (QLoRA's double
// quantisation).
//   pack     least = min s, step = (max s - least) / 255, level = round((s - least) / step)
//   unpack   s = least + level · step
// A block that holds NaN or infinity reads back as NaN.
// Shapes: scales float[size], size a multiple of 4; words u32[size / 4], the first level in the lowest bits; blocks
// float[ceil(size / 256), 2] = least, step; block_offset in blocks.
// Grid: pack one lane a block, unpack one lane a word, in a line. Traffic: 5 bytes a scale.
// Source: Dettmers et al. 2023, https://arxiv.org/abs/2305.14314, section 3; its blocks of 256 share one mean and have
// steps of their own, here each has its least value too.
// uses: lib/special_values.wgsl

struct Params { size: u32, block_offset: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scales: array<f32>;
@group(0) @binding(2) var<storage, read_write> words: array<u32>;
@group(0) @binding(3) var<storage, read_write> blocks: array<vec2f>;
@group(0) @binding(4) var<storage, read> words_saved: array<u32>;
@group(0) @binding(5) var<storage, read> blocks_saved: array<vec2f>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4f>;

const BLOCK = 256u;
const WG = 64u;

@compute @workgroup_size(WG)
fn pack(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let block = (wg.y * count.x + wg.x) * WG + lane;
  let begin = block * BLOCK;
  if (begin >= params.size) { return; }
  let end = min(begin + BLOCK, params.size);
  var least = scales[begin];
  var greatest = least;
  var is_strange = false;
  for (var i = begin; i < end; i++) {
    least = min(least, scales[i]);
    greatest = max(greatest, scales[i]);
    is_strange = is_strange || (bitcast<u32>(scales[i]) & 0x7f800000u) == 0x7f800000u;
  }
  let step = (greatest - least) / 255.0;
  let inverse = select(0.0, 1.0 / step, step > 0.0);
  for (var i = begin; i < end; i += 4u) {
    var word = 0u;
    for (var k = 0u; k < 4u; k++) {
      word |= u32(clamp(round((scales[i + k] - least) * inverse), 0.0, 255.0)) << (8u * k);
    }
    words[i / 4u] = word;
  }
  blocks[block] = vec2f(select(least, quiet_nan(), is_strange), step);
}

@compute @workgroup_size(WG)
fn unpack(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  if (4u * i >= params.size) { return; }
  let block = blocks_saved[params.block_offset + 4u * i / BLOCK];
  let word = words_saved[i];
  let levels = vec4f((vec4u(word) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u));
  y[i] = block.x + levels * block.y;
}
