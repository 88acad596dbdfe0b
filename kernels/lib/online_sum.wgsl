// The largest of what a lane has seen and Σ exp(x - largest), kept in one pass (Milakov & Gimelshein 2018): sixteen
// at a time cost one more exponential.
// It starts from the least finite number, since ∞ - ∞ would be NaN: Σ is 0 where all were -∞. Needs
// lib/special_values.wgsl.
struct Online { top: f32, total: f32 }

fn online_start() -> Online { return Online(LEAST, 0.0); }

fn online_four(seen: Online, v: vec4f) -> Online {
  let top = max(seen.top, max(max(v.x, v.y), max(v.z, v.w)));
  return Online(top, seen.total * exp(seen.top - top) + dot(exp_of4(v - top), vec4f(1.0)));
}

fn online_sixteen(seen: Online, a: vec4f, b: vec4f, c: vec4f, d: vec4f) -> Online {
  let tops = max(max(a, b), max(c, d));
  let top = max(seen.top, max(max(tops.x, tops.y), max(tops.z, tops.w)));
  let terms = (exp_of4(a - top) + exp_of4(b - top)) + (exp_of4(c - top) + exp_of4(d - top));
  return Online(top, seen.total * exp(seen.top - top) + dot(terms, vec4f(1.0)));
}

// Of all lanes of a subgroup. Needs lib/subgroup_reduce.wgsl.
fn online_subgroup(seen: Online) -> Online {
  let top = subgroup_max(seen.top);
  return Online(top, subgroup_sum(seen.total * exp(seen.top - top)));
}
