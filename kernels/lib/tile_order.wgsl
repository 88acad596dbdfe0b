// Which tile of a product a workgroup takes: adjacent ones share rows of A and columns of B, so that both stay in the
// cache.
// Needs in the kernel: const GROUP, rows of tiles that are visited together, column by column.

// The column and the row of the at-th of count.x by count.y tiles.
fn tile_of(at: u32, count: vec2u) -> vec2u {
  let first = at / (GROUP * count.x) * GROUP;
  let height = min(GROUP, count.y - first);
  let rest = at - first * count.x;
  return vec2u(rest / height, first + rest % height);
}
