// The first 4 · WG values of a row of x, which one workgroup keeps in registers, and the greatest of the whole row.
// `at` is the lane's first value and `end` the end of the row, both in T; past the end stands the least number.
// Needs in the kernel: alias T, `const WG: u32`, the binding x, lib/shared_reduce.wgsl, lib/row_values.wgsl,
// lib/special_values.wgsl and lib/turns.wgsl.

struct RowStart { a: T, b: T, c: T, d: T, top: f32 }

fn row_start(at: u32, end: u32, lane: u32) -> RowStart {
  var a = T(LEAST);
  var b = T(LEAST);
  var c = T(LEAST);
  var d = T(LEAST);
  if (at < end) { a = x[at]; }
  if (at + WG < end) { b = x[at + WG]; }
  if (at + 2u * WG < end) { c = x[at + 2u * WG]; }
  if (at + 3u * WG < end) { d = x[at + 3u * WG]; }
  var top = max(LEAST, greatest(max(max(a, b), max(c, d)))); // not -∞, since ∞ - ∞ would be NaN
  var i = at + 4u * WG;
  for (var left = turns(i, end, WG); left > 0u; left--) {
    top = max(top, greatest(x[i]));
    i += WG;
  }
  return RowStart(a, b, c, d, shared_max(top, lane));
}
