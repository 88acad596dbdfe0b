// A lane's share of a row: eight neighbouring lanes walk a run of 8 · STEPS columns of one row together, and a
// workgroup holds WG / 8 rows. A subgroup of a software adapter, which costs as much to start as some 60 columns, then
// has a whole run to do; on a GPU STEPS is 1.
// Needs in the kernel: `const WG: u32` and `const STEPS: u32`. Grid: ceil(rows / (WG / 8)) in a line over x and y,
// ceil(cols / (8 · STEPS)) in z.
// Use: `for (var col = col_begin(wg, lane); col < col_end(wg, cols); col += 8u)`.

fn run_row(wg: vec3u, count: vec3u, lane: u32) -> u32 { return (wg.y * count.x + wg.x) * (WG / 8u) + lane / 8u; }

fn col_begin(wg: vec3u, lane: u32) -> u32 { return wg.z * (8u * STEPS) + lane % 8u; }

fn col_end(wg: vec3u, cols: u32) -> u32 { return min((wg.z + 1u) * (8u * STEPS), cols); }
