// The larger and the smaller of two values, NaN where one is NaN, as PyTorch has it: max and min of WGSL may drop it.
// By bits, since a compiler may assume that there is none. Needs in the kernel: alias T of f32 or vec4<f32>, alias U of
// u32 or vec4<u32>.

fn with_nan(v: T, a: T, b: T) -> T {
  let first = select(v, a, (bitcast<U>(a) & U(0x7fffffffu)) > U(0x7f800000u));
  return select(first, b, (bitcast<U>(b) & U(0x7fffffffu)) > U(0x7f800000u));
}

fn greater(a: T, b: T) -> T { return with_nan(max(a, b), a, b); }

fn lesser(a: T, b: T) -> T { return with_nan(min(a, b), a, b); }
