// How often a loop runs from `first` on in steps of `step`, below `end`. A loop that counts its turns down to 0 is seen
// to end; Tint gives every other a counter of 64 bits, three to five instructions of each turn on a GPU.
// Use: `var i = first; for (var left = turns(i, end, STEP); left > 0u; left--) { …; i += STEP; }`

fn turns(first: u32, end: u32, step: u32) -> u32 { return (max(end, first) - first + step - 1u) / step; }
