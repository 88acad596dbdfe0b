// One element of a weight in any storage: `at` is its place in row-major order, `word` the one that it lies in,
// words[at / PER_WORD].
// Needs in the kernel: const FORMAT; lib/load_weight.wgsl; params with group (adjacent elements that share a scale);
// bindings scales and zeros: array<f32>.

fn weight_of(word: u32, at: u32) -> f32 {
  let level = level_of(vec4u(word), at % PER_WORD).x;
  if (!HAS_SCALES) { return level; }
  let g = at / params.group;
  if (FORMAT == INT4) { return (level - 8.0) * scales[g]; }
  if (FORMAT == INT4_ZEROS) { return (level - zeros[g]) * scales[g]; }
  return level * scales[g];
}
