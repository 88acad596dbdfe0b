// A lane's share of a line of items: eight adjacent lanes walk a run of 8 · STEPS items together, so that each
// subgroup of a software adapter, which runs its whole loop before the next one starts, reads contiguous memory, and
// fewer workgroups have to be started: twice as fast there. On a GPU STEPS is 1.
// Needs in the kernel: `const WG: u32` and `const STEPS: u32`. Use, with lib/turns.wgsl: `var i = run_begin(…);
// for (var left = turns(i, run_end(i, size), 8u); left > 0u; left--) { …; i += 8u; }`.

fn run_begin(wg: vec3u, count: vec3u, lane: u32) -> u32 {
  return ((wg.y * count.x + wg.x) * WG + lane / 8u * 8u) * STEPS + lane % 8u;
}

fn run_end(begin: u32, size: u32) -> u32 { return min(begin / (8u * STEPS) * (8u * STEPS) + 8u * STEPS, size); }
