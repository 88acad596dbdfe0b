// What a norm divides a row by whose squares overflow f32, see lib/narrowing.wgsl.
// Needs in the kernel: alias T of f32 or vec4<f32>, const WIDTH, the binding x, params with cols, lib/row_values.wgsl,
// lib/narrowing.wgsl.

fn overflows(squares: f32) -> bool { return (bitcast<u32>(squares) & 0x7f800000u) == 0x7f800000u; }

/// Mean of x · NARROW over a row of `size` T, and 1 / √variance: by each lane alone, since few rows are so, and without
/// a barrier. In three passes: those of a constant row come out as exactly its number and as a variance of 0.
fn narrow_layer(begin: u32, size: u32) -> vec2f {
  var mean = 0.0;
  var variance = 0.0;
  for (var turn = 0u; turn < 3u; turn++) {
    var sums = T();
    var squares = T();
    var i = 0u;
    for (var blocks = (size + 63u) / 64u; blocks > 0u; blocks--) {
      var part = T();
      var part_squares = T();
      for (var left = min(64u, size - i); left > 0u; left--) {
        let d = x[begin + i] * NARROW - mean;
        part += d;
        part_squares += d * d;
        i++;
      }
      sums += part;
      squares += part_squares;
    }
    let off = across(sums) / f32(params.cols);
    variance = across(squares) / f32(params.cols) - off * off;
    if (turn < 2u) { mean += off; }
  }
  return vec2f(mean, 1.0 / sqrt(max(variance, 0x1p-100f)));
}

/// 1 / √(mean of (x · NARROW)²).
fn narrow_rms(begin: u32, size: u32) -> f32 {
  var squares = T();
  var i = 0u;
  for (var blocks = (size + 63u) / 64u; blocks > 0u; blocks--) {
    var part = T();
    for (var left = min(64u, size - i); left > 0u; left--) {
      let v = x[begin + i] * NARROW;
      part += v * v;
      i++;
    }
    squares += part;
  }
  return 1.0 / sqrt(across(squares) / f32(params.cols));
}
