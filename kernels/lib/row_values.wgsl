// A row's values as T, one column or four, whichever the kernel is compiled for: `vec4f(v)` takes either.

fn greatest(v: T) -> f32 {
  let four = vec4f(v);
  return max(max(four.x, four.y), max(four.z, four.w));
}

// A quarter of each of four equal numbers where T is one column: exact, and right for infinities too.
fn across(v: T) -> f32 { return dot(vec4f(v), vec4f(0.25 * f32(WIDTH))); }
