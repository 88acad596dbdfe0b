// Products of 32 × 32 blocks in workgroup memory, four rows a lane.
// Needs in the kernel: `const PITCH`, `const TILE` = 32, and var<workgroup> left, right, weights: array<f32, TILE * PITCH>.

/// left[row … row + 3] · right[other], over the columns of the piece.
fn rows_dot(row: u32, other: u32) -> vec4f {
  var sum = vec4f();
  for (var c = 0u; c < TILE; c++) {
    let at = row * PITCH + c;
    sum += vec4f(left[at], left[at + PITCH], left[at + 2u * PITCH], left[at + 3u * PITCH]) * right[other * PITCH + c];
  }
  return sum;
}

/// Σ over i of weights[row … row + 3][i] · right[i][column].
fn weighted_rows(row: u32, column: u32) -> vec4f {
  var sum = vec4f();
  for (var i = 0u; i < TILE; i++) {
    let at = row * PITCH + i;
    sum += vec4f(weights[at], weights[at + PITCH], weights[at + 2u * PITCH], weights[at + 3u * PITCH]) * right[i * PITCH + column];
  }
  return sum;
}

fn put_weights(row: u32, column: u32, w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f) {
  for (var r = 0u; r < 4u; r++) {
    let at = (row + r) * PITCH + column;
    weights[at] = w0[r];
    weights[at + 8u] = w1[r];
    weights[at + 16u] = w2[r];
    weights[at + 24u] = w3[r];
  }
}
