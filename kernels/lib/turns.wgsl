// The number of iterations of a loop from `first` in steps of `step`, below `end`. Tint can prove that a loop ends if
// it counts down to 0; every other gets a 64-bit counter, three to five instructions per iteration on a GPU.
// Use: `var i = first; for (var left = turns(i, end, STEP); left > 0u; left--) { …; i += STEP; }`

fn turns(first: u32, end: u32, step: u32) -> u32 { return (max(end, first) - first + step - 1u) / step; }
