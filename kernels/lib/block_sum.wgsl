// A long sum as a sum of sums: the kernel adds up BLOCK terms; this file adds 32 blocks, 32 of those sums, and the
// rest. In a single chain the error grows with the number of terms, to a percent at a million; here with its logarithm.
// Needs in the kernel: alias T of floats.

const BLOCK = 32u;

struct Blocks { count: u32, low: T, middle: T, high: T }

fn add_block(sums: Blocks, part: T) -> Blocks {
  var s = sums;
  s.count++;
  s.low += part;
  if (s.count % 32u == 0u) {
    s.middle += s.low;
    s.low = T();
  }
  if (s.count % 1024u == 0u) {
    s.high += s.middle;
    s.middle = T();
  }
  return s;
}

fn sum_of(s: Blocks) -> T { return s.high + (s.middle + s.low); }
