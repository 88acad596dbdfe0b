// Levels of words of int8, int4 and NF4 as a product takes them. int4 costs no shift a level: it is masked in place,
// which makes it 1, 16, 256 or 4096 times as large, and x is divided by that (LOWER), exactly. Its zero is subtracted
// once per group: Σ x·(level - zero) = Σ x·level - zero · Σ x.
// Needs in the kernel: const FORMAT, const SG, lib/load_weight.wgsl, lib/nf4_lanes.wgsl.

const IS_INT4 = FORMAT == INT4 || FORMAT == INT4_ZEROS;
const RAISED = vec4f(1.0, 16.0, 256.0, 4096.0);
const LOWER = select(vec4f(1.0), 1.0 / RAISED, IS_INT4);

// The first four levels of a word; those of int4 unshifted.
fn low_four(word: u32, held: vec2f) -> vec4f {
  if (FORMAT == NF4) { return nf4_four(held, (vec4u(word) >> vec4u(0u, 4u, 8u, 12u)) & vec4u(15u)); }
  return vec4f(bitcast<vec4i>(vec4u(word) & vec4u(0xfu, 0xf0u, 0xf00u, 0xf000u)));
}

fn high_four(word: u32, held: vec2f) -> vec4f { return low_four(word >> 16u, held); }
