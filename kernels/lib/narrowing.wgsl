// Rows whose squares overflow f32, for example with a single 1e38: norms scale them by NARROW, a power of two, which
// rounds nothing. Their mean and 1 / √(…) are kept for x · NARROW, since for x the root would be less than the least
// normal number, and the root negative, which tells them from the others: k = narrowing(rstd),
// x̂ = (k · x - mean) · |rstd|. A mean for x, to be scaled here, would let a compiler take k out of the brackets, and
// x - mean may overflow (NVIDIA's does).

const NARROW = 0x1p-80f;

fn narrowing(rstd: f32) -> f32 { return select(1.0, NARROW, rstd < 0.0); }
