// index/select_rows: index/select for rows of vec4s, in few subgroups, for adapters where starting one is expensive.
// Same results: the same sums in the same order.
//   gather, collect   eight lanes walk a row together, ROWS rows one after the other
//   find              one lane reads index once, from the end
// Where lanes run one after the other, a lane for each row of the table would read index as many times. first[t] is
// undefined where t does not occur.
// Shapes: x, dx float[table, 4 · vec4s], index i32[rows], y, dy float[rows, 4 · vec4s], found u32[table, 2]; dense.
// Grid: as lib/row_run says; find: one workgroup. Traffic: 8 bytes per element of y.
// uses: lib/row_run.wgsl, lib/turns.wgsl

struct Params { rows: u32, table: u32, vec4s: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> index: array<i32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> found: array<u32>;
@group(0) @binding(5) var<storage, read> known: array<u32>;
@group(0) @binding(6) var<storage, read> dy: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> dx: array<vec4f>;

const WG = 64u;
const STEPS = 1u; // tune: 1u 32u
const ROWS = 1u; // tune: 1u 4u

@compute @workgroup_size(WG)
fn gather(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let first = run_row(wg, count, lane) * ROWS;
  var row = first;
  for (var left = turns(row, min(first + ROWS, params.rows), 1u); left > 0u; left--) {
    let source = index[row];
    let valid = source >= 0 && u32(source) < params.table;
    let begin = select(0u, u32(source), valid) * params.vec4s;
    var col = col_begin(wg, lane);
    for (var more = turns(col, col_end(wg, params.vec4s), 8u); more > 0u; more--) {
      y[row * params.vec4s + col] = select(vec4f(), x[begin + col], valid);
      col += 8u;
    }
    row++;
  }
}

@compute @workgroup_size(1)
fn find() {
  for (var t = 0u; t < params.table; t++) { found[2u * t + 1u] = 0u; }
  for (var left = params.rows; left > 0u; left--) {
    let t = index[left - 1u];
    if (t >= 0 && u32(t) < params.table) {
      found[2u * u32(t)] = left - 1u;
      found[2u * u32(t) + 1u]++;
    }
  }
}

@compute @workgroup_size(WG)
fn collect(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let first = run_row(wg, count, lane) * ROWS;
  var t = first;
  for (var left = turns(t, min(first + ROWS, params.table), 1u); left > 0u; left--) {
    var col = col_begin(wg, lane);
    for (var more = turns(col, col_end(wg, params.vec4s), 8u); more > 0u; more--) {
      var r = known[2u * t];
      var times = known[2u * t + 1u];
      var total = vec4f();
      while (times > 0u) {
        if (index[r] == i32(t)) {
          total += dy[r * params.vec4s + col];
          times--;
        }
        r++;
      }
      dx[t * params.vec4s + col] = total;
      col += 8u;
    }
    t++;
  }
}
