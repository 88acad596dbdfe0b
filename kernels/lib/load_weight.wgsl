// Weights of every storage to f32: pure functions of words. Element 0 is in the lowest bits. A weight [N, K] is packed
// along K.
//   f32        one a word
//   f16, bf16  two a word       value as it is
//   int8       four a word      value = level · scale, level -127 … 127
//   int4       eight a word     value = (level - zero) · scale, level 0 … 15, zero 8 where none is stored
//   NF4        eight a word     value = level · scale, levels of Dettmers et al. 2023 ("QLoRA")
// scale and zero are f32, one a group of neighbours along K. Subnormal halves may come out as 0.
// Needs in the kernel: const FORMAT, one of these.

const F32 = 0u;
const F16 = 1u;
const BF16 = 2u;
const INT8 = 3u;
const INT4 = 4u;
const INT4_ZEROS = 5u;
const NF4 = 6u;

const IS_HALF = FORMAT == F16 || FORMAT == BF16;
const HAS_SCALES = FORMAT >= INT8;
const PER_WORD = select(select(select(8u, 4u, FORMAT == INT8), 2u, IS_HALF), 1u, FORMAT == F32);

// Element `at` of each of four words, before scale and zero.
fn level_of(words: vec4u, at: u32) -> vec4f {
  if (FORMAT == F16) {
    let shifted = words >> vec4u(16u * at);
    return vec4f(f16_pair(shifted.x).x, f16_pair(shifted.y).x, f16_pair(shifted.z).x, f16_pair(shifted.w).x);
  }
  if (FORMAT == BF16) { return bitcast<vec4f>((words >> vec4u(16u * at)) << vec4u(16u)); }
  if (FORMAT == INT8) { return vec4f(bitcast<vec4i>(words << vec4u(24u - 8u * at)) >> vec4u(24u)); }
  if (FORMAT == F32) { return bitcast<vec4f>(words); }
  let index = (words >> vec4u(4u * at)) & vec4u(15u);
  if (FORMAT == NF4) { return vec4f(nf4_level(index.x), nf4_level(index.y), nf4_level(index.z), nf4_level(index.w)); }
  return vec4f(bitcast<vec4i>(index));
}

fn f16_pair(word: u32) -> vec2f { return unpack2x16float(word); }

fn bf16_pair(word: u32) -> vec2f { return vec2f(bitcast<f32>(word << 16u), bitcast<f32>(word & 0xffff0000u)); }

fn f16_four(words: vec2u) -> vec4f { return vec4f(f16_pair(words.x), f16_pair(words.y)); }

fn bf16_four(words: vec2u) -> vec4f { return vec4f(bf16_pair(words.x), bf16_pair(words.y)); }

fn int8_levels(word: u32) -> vec4f { return vec4f((vec4i(i32(word)) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u)); }

// Four levels of the eight in a word: the first for part 0, the last for part 1.
fn int4_levels(word: u32, part: u32) -> vec4f {
  return vec4f(bitcast<vec4i>((vec4u(word) >> (vec4u(0u, 4u, 8u, 12u) + 16u * part)) & vec4u(15u)));
}

fn nf4_levels(word: u32, part: u32) -> vec4f {
  let at = (vec4u(word) >> (vec4u(0u, 4u, 8u, 12u) + 16u * part)) & vec4u(15u);
  return vec4f(nf4_level(at.x), nf4_level(at.y), nf4_level(at.z), nf4_level(at.w));
}

const NF4_LEVELS = array<f32, 16>(
  -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0,
  0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434,
    0.5626170039176941, 0.7229568362236023, 1.0,
);

fn nf4_level(at: u32) -> f32 { return NF4_LEVELS[at % 16u]; }
