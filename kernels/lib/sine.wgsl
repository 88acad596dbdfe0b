// Sine and cosine of four values in radians, to 2e-7 up to some thousands of turns, where the driver's own may be off by 2e-4. Source: Cephes, sinf.c.

// x taken to the nearest quarter turn in three parts, then a polynomial on -π/4..π/4; the quarter says which, and its sign.
fn turned4(x: vec4f, quarters: vec4f) -> vec4f {
  let k = round(x * 0.63661977);
  let r = ((x - k * 1.5703125) - k * 4.837512969970703e-4) - k * 7.54978995489188e-8;
  let z = r * r;
  let sine = r + r * z * ((-1.9515295891e-4 * z + 8.3321608736e-3) * z - 0.16666654611);
  let cosine = 1.0 - 0.5 * z + z * z * ((2.443315711809948e-5 * z - 1.388731625493765e-3) * z + 4.166664568298827e-2);
  let quarter = (k + quarters) - 4.0 * floor((k + quarters) * 0.25);
  let value = select(sine, cosine, (quarter == vec4(1.0)) | (quarter == vec4(3.0)));
  return select(value, -value, quarter >= vec4(2.0));
}

fn sin4(x: vec4f) -> vec4f { return turned4(x, vec4(0.0)); }
fn cos4(x: vec4f) -> vec4f { return turned4(x, vec4(1.0)); }
