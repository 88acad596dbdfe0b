// What the cross_entropy kernels compute for a row, independent of how lanes share it. Needs in the kernel: params with
// cols and weighted, the binding row_weight, alias T of f32 or vec4<f32>, and lib/special_values.wgsl.

const IGNORED = -100;

/// Whether the label is a class.
fn is_class(chosen: i32) -> bool { return chosen >= 0 && chosen < i32(params.cols); }

/// An index clamped to the row.
fn class_of(chosen: i32) -> u32 { return u32(clamp(chosen, 0, i32(params.cols) - 1)); }

/// The row's weight: 0 where it is ignored, NaN where its label is no class.
fn weight_of(row: u32, chosen: i32) -> f32 {
  if (chosen == IGNORED) { return 0.0; }
  if (!is_class(chosen)) { return quiet_nan(); }
  if (params.weighted == 1u) { return row_weight[row]; }
  return 1.0;
}

/// max x and log Σ exp(x - max x), from the largest of the row that is not below LEAST, and the sum. Where that is 0,
/// all were -∞, and count as equal.
fn log_sum_of(top: f32, total: f32) -> vec2f {
  if (total == 0.0) { return vec2f(-infinity(), log(f32(params.cols))); }
  return vec2f(top, log_of(total));
}

/// x - max x; 0 where both are -∞.
fn below_top(v: T, log_sum: vec2f) -> T { return select(v - log_sum.x, T(), log_sum.x < LEAST); }

fn row_loss(w: f32, chosen: i32, target_score: f32, log_sum: vec2f) -> f32 {
  if (chosen == IGNORED) { return 0.0; }
  return w * (log_sum.y - select(target_score - log_sum.x, 0.0, log_sum.x < LEAST));
}
