// Where an element lies in a texture of so many elements a row.
fn texel_of(element: u32, row: u32) -> vec2u { return vec2u(element % row / 4u, element / row); }
