// Generated from kernels/matmul/pad_rows.wgsl by npm run codegen. Do not edit.
export const matmulPadRows = {
  name: 'matmul/pad_rows',
  file: 'kernels/matmul/pad_rows.wgsl',
  code: "// matmul/pad_rows: y[r, c] = x[r, c] with rows `pitch` vec4s apart in y. Rows of an operand that lie a large power of\n// two apart fall into one set of the CPU's L1 cache, where a product that walks many rows at once evicts what\n// it will need next: a copy first costs far less (1024³: 1.4 times as fast).\n// Shapes: x float[rows, 4 · width], y float[rows, 4 · pitch]; width a multiple of 64, which is what a run of\n// lib/run.wgsl covers.\n// Grid: ceil(rows · width / (WG · STEPS)) workgroups in a line. Traffic: 8 bytes per element.\n// uses: lib/run.wgsl, lib/turns.wgsl\n\nstruct Params { items: u32, width: u32, pitch: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<vec4f>;\n@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;\n\nconst WG = 64u;\nconst STEPS = 8u;\n\n@compute @workgroup_size(WG)\nfn pad(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let begin = run_begin(wg, count, lane);\n  let end = run_end(begin, params.items);\n  let gap = begin / params.width * (params.pitch - params.width);\n  var i = begin;\n  for (var left = turns(i, end, 8u); left > 0u; left--) {\n    y[i + gap] = x[i];\n    i += 8u;\n  }\n}\n",
  uses: ['lib/run.wgsl', 'lib/turns.wgsl'],
  lib: "// A lane's share of a line of items: eight adjacent lanes walk a run of 8 · STEPS items together, so that each\n// subgroup of a software adapter, which runs its whole loop before the next one starts, reads contiguous memory, and\n// fewer workgroups have to be started: twice as fast there. On a GPU STEPS is 1.\n// Needs in the kernel: `const WG: u32` and `const STEPS: u32`. Use, with lib/turns.wgsl: `var i = run_begin(…);\n// for (var left = turns(i, run_end(i, size), 8u); left > 0u; left--) { …; i += 8u; }`.\n\nfn run_begin(wg: vec3u, count: vec3u, lane: u32) -> u32 {\n  return ((wg.y * count.x + wg.x) * WG + lane / 8u * 8u) * STEPS + lane % 8u;\n}\n\nfn run_end(begin: u32, size: u32) -> u32 { return min(begin / (8u * STEPS) * (8u * STEPS) + 8u * STEPS, size); }\n\n// The number of iterations of a loop from `first` in steps of `step`, below `end`. Tint can prove that a loop ends if\n// it counts down to 0; every other gets a 64-bit counter, three to five instructions per iteration on a GPU.\n// Use: `var i = first; for (var left = turns(i, end, STEP); left > 0u; left--) { …; i += STEP; }`\n\nfn turns(first: u32, end: u32, step: u32) -> u32 { return (max(end, first) - first + step - 1u) / step; }\n",
  params: [
    { name: 'items', type: 'u32', offset: 0 },
    { name: 'width', type: 'u32', offset: 4 },
    { name: 'pitch', type: 'u32', offset: 8 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'vec4f' },
    { binding: 2, name: 'y', type: 'storage', element: 'vec4f' },
  ],
  tunables: [],
  entries: { pad: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] } },
  subgroups: false,
  f16: false,
} as const;
