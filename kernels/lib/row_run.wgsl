// A lane's share of a row: eight adjacent lanes walk a run of 8 · STEPS columns of one row together, and a
// workgroup holds WG / 8 rows. On a software adapter starting a subgroup costs as much as about 60 columns, so each
// gets a whole run; on a GPU STEPS is 1.
// Needs in the kernel: `const WG: u32` and `const STEPS: u32`. Grid: ceil(rows / (WG / 8)) in a line over x and y,
// ceil(cols / (8 · STEPS)) in z.
// Use, with lib/turns.wgsl: `var col = col_begin(wg, lane);
// for (var left = turns(col, col_end(wg, cols), 8u); left > 0u; left--) { …; col += 8u; }`.

fn run_row(wg: vec3u, count: vec3u, lane: u32) -> u32 { return (wg.y * count.x + wg.x) * (WG / 8u) + lane / 8u; }

fn col_begin(wg: vec3u, lane: u32) -> u32 { return wg.z * (8u * STEPS) + lane % 8u; }

fn col_end(wg: vec3u, cols: u32) -> u32 { return min((wg.z + 1u) * (8u * STEPS), cols); }
