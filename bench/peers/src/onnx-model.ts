/** @file Writes an ONNX model of one node, as a protocol buffer for onnxruntime (onnx.proto, IR version 8). */

export interface OneNode {
  readonly op: string;
  /** Empty for ONNX's own operators. */
  readonly domain?: string;
  readonly inputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly output: readonly number[];
  readonly attributes?: Readonly<Record<string, number | { readonly float: number }>>;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

const integer = (field: number, value: number): number[] => [...varint(field << 3), ...varint(value)];
const bytes = (field: number, content: readonly number[]): number[] => [
  ...varint((field << 3) | 2),
  ...varint(content.length),
  ...content,
];
const text = (field: number, content: string): number[] => bytes(field, [...new TextEncoder().encode(content)]);
const float = (field: number, value: number): number[] => [
  ...varint((field << 3) | 5),
  ...new Uint8Array(new Float32Array([value]).buffer),
];

/** A ValueInfoProto of a float tensor. */
const valueInfo = (name: string, shape: readonly number[]): number[] => {
  const dims = shape.flatMap((n) => bytes(1, integer(1, n)));
  return [...text(1, name), ...bytes(2, bytes(1, [...integer(1, 1), ...bytes(2, dims)]))];
};

/** AttributeProto: type 1 is a float, 2 an integer. */
const attribute = (name: string, value: number | { readonly float: number }): number[] =>
  typeof value === 'number'
    ? [...text(1, name), ...integer(3, value), ...integer(20, 2)]
    : [...text(1, name), ...float(2, value.float), ...integer(20, 1)];

export function onnxModel({ op, domain = '', inputs, output, attributes = {} }: OneNode): Uint8Array<ArrayBuffer> {
  const node = [
    ...inputs.flatMap(({ name }) => text(1, name)),
    ...text(2, 'y'),
    ...text(4, op),
    ...Object.entries(attributes).flatMap(([name, value]) => bytes(5, attribute(name, value))),
    ...text(7, domain),
  ];
  const graph = [
    ...bytes(1, node),
    ...text(2, 'one'),
    ...inputs.flatMap(({ name, shape }) => bytes(11, valueInfo(name, shape))),
    ...bytes(12, valueInfo('y', output)),
  ];
  const opsets = [
    ['', 17],
    ['com.microsoft', 1],
  ] as const;
  return new Uint8Array([
    ...integer(1, 8),
    ...bytes(7, graph),
    ...opsets.flatMap(([name, version]) => bytes(8, [...text(1, name), ...integer(2, version)])),
  ]);
}
