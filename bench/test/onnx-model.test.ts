/** The model that onnxruntime is given, read back by a decoder of protocol buffers. */
import { expect, test } from 'vitest';
import { onnxModel } from '../peers/src/onnx-model.ts';

type Field = readonly [field: number, value: number | Uint8Array];

function decode(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    if ((key & 7) === 0) fields.push([key >> 3, varint()]);
    else {
      const length = (key & 7) === 5 ? 4 : varint();
      fields.push([key >> 3, bytes.subarray(at, (at += length))]);
    }
  }
  return fields;
}

const all = (bytes: Uint8Array, field: number): Uint8Array[] =>
  decode(bytes)
    .filter(([f]) => f === field)
    .map(([, value]) => value as Uint8Array);
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

test('a model of one node states its operator, names, shapes and attributes', () => {
  const model = onnxModel({
    op: 'LayerNormalization',
    inputs: [
      { name: 'x', shape: [300, 8] },
      { name: 'weight', shape: [8] },
    ],
    output: [300, 8],
    attributes: { axis: -1, epsilon: { float: 0.5 } },
  });
  expect(decode(model).find(([field]) => field === 1)).toEqual([1, 8]);
  const [graph] = all(model, 7);
  const [node] = all(graph!, 1);
  expect(all(node!, 1).map(text)).toEqual(['x', 'weight']);
  expect(all(node!, 2).map(text)).toEqual(['y']);
  expect(text(all(node!, 4)[0]!)).toBe('LayerNormalization');
  const attributes = all(node!, 5);
  expect(attributes.map((each) => text(all(each, 1)[0]!))).toEqual(['axis', 'epsilon']);
  // -1 in 64 bits, as far as a number holds it
  expect(decode(attributes[0]!).find(([field]) => field === 3)![1]).toBe(2 ** 64 - 1);
  expect(new Float32Array(all(attributes[1]!, 2)[0]!.slice().buffer)[0]).toBe(0.5);
  const dims = all(graph!, 11).map((input) => {
    const [type] = all(all(input, 2)[0]!, 1);
    return all(all(type!, 2)[0]!, 1).map((dim) => decode(dim)[0]![1]);
  });
  expect(dims).toEqual([[300, 8], [8]]);
  expect(all(model, 8).map((opset) => decode(opset).find(([field]) => field === 2)![1])).toEqual([17, 1]);
});
