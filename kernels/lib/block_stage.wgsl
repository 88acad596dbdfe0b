// How the operands of a product in blocks reach workgroup memory: Aᵀ and B, in vec4s of rows or columns. A lane's block
// is four terms of four of them, held in registers from its fetch to its staging.
// SKEW shifts each four terms by this many banks of 16 bytes, so that transposed blocks are written without conflicts.
// Needs in the kernel: const TRANSPOSE_A, TRANSPOSE_B, ROWS, COLUMNS, DEPTH, SKEW; and
//   fn a_block(tile: Tile, step: Step, row: u32, k: u32) -> Block      four terms from k on of four rows; what lies
//     past an edge may be anything fn b_block(tile: Tile, step: Step, column: u32, k: u32) -> Block
//   fn b_values(block: Block, column: u32, k: u32, step: Step) -> mat4x4f      the block as numbers, as it was read

const LAYERS = DEPTH / 4u;
const A_BLOCKS = LAYERS * ROWS / 4u;
const B_BLOCKS = LAYERS * COLUMNS / 4u;
const BLOCKS = A_BLOCKS + B_BLOCKS;
const A_LAYER = ROWS + SKEW;
const B_LAYER = COLUMNS + SKEW;
const FOUR = vec4u(0u, 1u, 2u, 3u);

// Where a workgroup's results lie, and where the operands of its batch start.
struct Tile { first_row: u32, first_column: u32, batch: u32, a_start: u32, b_start: u32 }

// The terms from `first` on, of `terms` in all; of A2 and B2 in the second run.
struct Step { first: u32, terms: u32, is_second: bool }

// Four reads of four elements, as bits, or the packed words.
struct Block { r0: vec4u, r1: vec4u, r2: vec4u, r3: vec4u }

var<workgroup> a_tile: array<vec4f, LAYERS * A_LAYER>;
var<workgroup> b_tile: array<vec4f, LAYERS * B_LAYER>;

// The four rows, and the four terms, of a block of A: adjacent lanes read adjacent memory.
fn a_place(block: u32) -> vec2u {
  let n = block % A_BLOCKS;
  return select(vec2u(n / LAYERS, n % LAYERS), vec2u(n % (ROWS / 4u), n / (ROWS / 4u)), TRANSPOSE_A);
}

fn b_place(block: u32) -> vec2u {
  let n = block % B_BLOCKS;
  return select(vec2u(n % (COLUMNS / 4u), n / (COLUMNS / 4u)), vec2u(n / LAYERS, n % LAYERS), TRANSPOSE_B);
}

// Each lane has a fixed block of A or of B; one with neither reads a block of B again and stores nothing.
fn fetch(tile: Tile, step: Step, block: u32) -> Block {
  var held: Block;
  if (block < A_BLOCKS) {
    let place = a_place(block);
    held = a_block(tile, step, tile.first_row + 4u * place.x, step.first + 4u * place.y);
  } else {
    let place = b_place(block);
    held = b_block(tile, step, tile.first_column + 4u * place.x, step.first + 4u * place.y);
  }
  return held;
}

fn stage(held: Block, tile: Tile, step: Step, block: u32) {
  if (block < A_BLOCKS) {
    let place = a_place(block);
    let at = min(place.y * A_LAYER + place.x, LAYERS * A_LAYER - 3u * ROWS / 4u - 1u);
    let vec4s = by_term(f32_values(held), !TRANSPOSE_A, step, step.first + 4u * place.y);
    a_tile[at] = vec4s[0];
    a_tile[at + ROWS / 4u] = vec4s[1];
    a_tile[at + ROWS / 2u] = vec4s[2];
    a_tile[at + 3u * ROWS / 4u] = vec4s[3];
  } else if (block < BLOCKS) {
    let place = b_place(block);
    let at = min(place.y * B_LAYER + place.x, LAYERS * B_LAYER - 3u * COLUMNS / 4u - 1u);
    let k = step.first + 4u * place.y;
    let vec4s = by_term(b_values(held, tile.first_column + 4u * place.x, k, step), TRANSPOSE_B, step, k);
    b_tile[at] = vec4s[0];
    b_tile[at + COLUMNS / 4u] = vec4s[1];
    b_tile[at + COLUMNS / 2u] = vec4s[2];
    b_tile[at + 3u * COLUMNS / 4u] = vec4s[3];
  }
}

fn f32_values(block: Block) -> mat4x4f {
  return mat4x4f(bitcast<vec4f>(block.r0), bitcast<vec4f>(block.r1), bitcast<vec4f>(block.r2),
    bitcast<vec4f>(block.r3));
}

// A column of the matrix for each term from k on, zero past the last term.
fn by_term(values: mat4x4f, lies_along: bool, step: Step, k: u32) -> mat4x4f {
  var vec4s = values;
  if (lies_along) { vec4s = transpose(values); }
  if (k + 4u > step.terms) {
    let inside = k + FOUR < vec4u(step.terms);
    vec4s = mat4x4f(select(vec4f(), vec4s[0], inside.x), select(vec4f(), vec4s[1], inside.y),
      select(vec4f(), vec4s[2], inside.z), select(vec4f(), vec4s[3], inside.w));
  }
  return vec4s;
}
