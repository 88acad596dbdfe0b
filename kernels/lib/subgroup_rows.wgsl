// Which rows a subgroup has where each takes several.
// Needs in the kernel: const SG, WG; params with rows.

fn subgroup_id(wg: vec3u, count: vec3u, index: u32) -> u32 { return (wg.y * count.x + wg.x) * (WG / SG) + index / SG; }

// A row past the end is the last one once more, so that control flow stays uniform in a subgroup: the same lanes store
// the same numbers twice. A subgroup that begins past the end stores nothing.
fn at(row: u32) -> u32 { return min(row, params.rows - 1u); }
