// Σ eˣ over a row's values as T, NaN where one is. Needs in the kernel: alias T, const WIDTH as lib/row_values.wgsl has
// it.
fn across_exp(v: T) -> f32 {
  let four = vec4f(v);
  let powers = select(vec4f(exp(v)), four, (bitcast<vec4u>(four) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
  return dot(powers, vec4f(0.25 * f32(WIDTH)));
}
