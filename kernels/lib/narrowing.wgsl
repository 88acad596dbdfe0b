// Rows whose squares overflow f32, for example with a single 1e38: norms scale them by NARROW, a power of two, which
// rounds nothing. Their 1 / √(…) is kept for x · NARROW, since for x it would be less than the least normal number, and
// negative, which tells them from the others: k = narrowing(rstd), x̂ = (k · x - k · mean) · |rstd|.

const NARROW = 0x1p-80f;

fn narrowing(rstd: f32) -> f32 { return select(1.0, NARROW, rstd < 0.0); }
