// Scores of 16 rows that the lanes hold, lane l of a[g] row g · SG + l, with the four columns of this lane. On
// SwiftShader broadcasts are faster than shuffles, but their lanes must be constants, hence the 16 lines. Needs in the
// kernel: `enable subgroups;`, const SG, const BM = 16u, lib/attention_tile.wgsl.

fn add_scores(s: ptr<function, array<vec4f, BM>>, a: array<vec4f, BM / SG>, b0: vec4f, b1: vec4f, b2: vec4f,
  b3: vec4f) {
  (*s)[0] += dots(subgroupBroadcast(a[0u / SG], 0u % SG), b0, b1, b2, b3);
  (*s)[1] += dots(subgroupBroadcast(a[1u / SG], 1u % SG), b0, b1, b2, b3);
  (*s)[2] += dots(subgroupBroadcast(a[2u / SG], 2u % SG), b0, b1, b2, b3);
  (*s)[3] += dots(subgroupBroadcast(a[3u / SG], 3u % SG), b0, b1, b2, b3);
  (*s)[4] += dots(subgroupBroadcast(a[4u / SG], 4u % SG), b0, b1, b2, b3);
  (*s)[5] += dots(subgroupBroadcast(a[5u / SG], 5u % SG), b0, b1, b2, b3);
  (*s)[6] += dots(subgroupBroadcast(a[6u / SG], 6u % SG), b0, b1, b2, b3);
  (*s)[7] += dots(subgroupBroadcast(a[7u / SG], 7u % SG), b0, b1, b2, b3);
  (*s)[8] += dots(subgroupBroadcast(a[8u / SG], 8u % SG), b0, b1, b2, b3);
  (*s)[9] += dots(subgroupBroadcast(a[9u / SG], 9u % SG), b0, b1, b2, b3);
  (*s)[10] += dots(subgroupBroadcast(a[10u / SG], 10u % SG), b0, b1, b2, b3);
  (*s)[11] += dots(subgroupBroadcast(a[11u / SG], 11u % SG), b0, b1, b2, b3);
  (*s)[12] += dots(subgroupBroadcast(a[12u / SG], 12u % SG), b0, b1, b2, b3);
  (*s)[13] += dots(subgroupBroadcast(a[13u / SG], 13u % SG), b0, b1, b2, b3);
  (*s)[14] += dots(subgroupBroadcast(a[14u / SG], 14u % SG), b0, b1, b2, b3);
  (*s)[15] += dots(subgroupBroadcast(a[15u / SG], 15u % SG), b0, b1, b2, b3);
}
