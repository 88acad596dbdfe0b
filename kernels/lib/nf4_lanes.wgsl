// NF4's levels held across the lanes of a subgroup and fetched by shuffles: three times as fast on a software adapter
// as indexing an array, which is done lane by lane.
// Needs in the kernel: `enable subgroups;`, const SG, lib/load_weight.wgsl. Only in uniform control flow: an inactive
// lane provides no value.

// What a lane holds: with 16 lanes or more one level, with 8 two, with 4 none.
fn nf4_held(lane: u32) -> vec2f {
  if (SG >= 16u) { return vec2f(nf4_level(lane % 16u)); }
  return vec2f(nf4_level(lane % 8u), nf4_level(8u + lane % 8u));
}

// The levels of four indices below 16.
fn nf4_four(held: vec2f, index: vec4u) -> vec4f {
  if (SG < 8u) { return vec4f(nf4_level(index.x), nf4_level(index.y), nf4_level(index.z), nf4_level(index.w)); }
  if (SG >= 16u) { return shuffle_four(held.x, index); }
  return select(shuffle_four(held.x, index & vec4u(7u)), shuffle_four(held.y, index & vec4u(7u)), index > vec4u(7u));
}

fn shuffle_four(value: f32, lanes: vec4u) -> vec4f {
  return vec4f(subgroupShuffle(value, lanes.x), subgroupShuffle(value, lanes.y), subgroupShuffle(value, lanes.z),
    subgroupShuffle(value, lanes.w));
}
