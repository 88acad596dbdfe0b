// Reductions over one subgroup by butterflies: every lane gets the same result, in the same order on every run.
// Needs in the kernel: `enable subgroups;` and `const SG: u32`, the subgroup size. (subgroupAdd is serial on software
// adapters: 10 times slower.)

fn subgroup_sum(value: f32) -> f32 {
  var v = value;
  if (SG >= 64u) { v += subgroupShuffleXor(v, 32u); }
  if (SG >= 32u) { v += subgroupShuffleXor(v, 16u); }
  if (SG >= 16u) { v += subgroupShuffleXor(v, 8u); }
  if (SG >= 8u) { v += subgroupShuffleXor(v, 4u); }
  v += subgroupShuffleXor(v, 2u);
  v += subgroupShuffleXor(v, 1u);
  return v;
}

fn subgroup_max(value: f32) -> f32 {
  var v = value;
  if (SG >= 64u) { v = max(v, subgroupShuffleXor(v, 32u)); }
  if (SG >= 32u) { v = max(v, subgroupShuffleXor(v, 16u)); }
  if (SG >= 16u) { v = max(v, subgroupShuffleXor(v, 8u)); }
  if (SG >= 8u) { v = max(v, subgroupShuffleXor(v, 4u)); }
  v = max(v, subgroupShuffleXor(v, 2u));
  v = max(v, subgroupShuffleXor(v, 1u));
  return v;
}
