// Where an element lies, four to a column, in rows of so many elements.
fn place_of(element: u32, row: u32) -> vec2u { return vec2u(element % row / 4u, element / row); }
