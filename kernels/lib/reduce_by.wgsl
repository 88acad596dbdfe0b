// What a reduction does with values, by const OP: SUM, MAX or MIN. Needs in the kernel: OP, alias T;
// lib/special_values.wgsl, lib/extremes.wgsl, lib/block_sum.wgsl.

const SUM = 0u;
const MAX = 1u;
const MIN = 2u;

fn start() -> f32 { return select(select(infinity(), -infinity(), OP == MAX), 0.0, OP == SUM); }

fn add_part(sums: Blocks, part: T) -> Blocks {
  if (OP == SUM) { return add_block(sums, part); }
  return Blocks(0u, combine(sums.low, part), T(), T());
}

fn result_of(sums: Blocks) -> T {
  if (OP == SUM) { return sum_of(sums); }
  return sums.low;
}

fn combine(a: T, b: T) -> T {
  if (OP == MAX) { return greater(a, b); }
  if (OP == MIN) { return lesser(a, b); }
  return a + b;
}
