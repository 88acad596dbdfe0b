/** @file Protobuf's wire format: fields by number, without a schema. */

export type Fail = (what: string) => never;

/** One field of a message: its number, and its value: a number, or the bytes of a text, message or list. */
type Field = readonly [number: number, value: number | Uint8Array];

/**
 * The fields of a message, in the order of the file; groups are not read.
 * @param fail throws, with what is wrong as a sentence without its subject's name
 * Source: https://protobuf.dev/programming-guides/encoding.
 */
export function* fieldsOf(bytes: Uint8Array, fail: Fail): Generator<Field> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const take = (length: number): number => {
    if (at + length > bytes.length) fail('it is truncated.');
    at += length;
    return at - length;
  };
  const varint = (): number => {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      const byte = bytes[take(1)];
      value += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) return value;
    }
    return fail(`the number at byte ${at} has more than 10 bytes; it is damaged.`);
  };
  while (at < bytes.length) {
    const tag = varint();
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    if (number === 0) fail(`the field at byte ${at} has the number 0; it is damaged.`);
    if (wire === 0) yield [number, varint()];
    else if (wire === 1) yield [number, view.getFloat64(take(8), true)];
    else if (wire === 5) yield [number, view.getFloat32(take(4), true)];
    else if (wire === 2) {
      const length = varint();
      const from = take(length);
      yield [number, bytes.subarray(from, from + length)];
    } else fail(`the field at byte ${at} is of wire type ${wire}; it is damaged.`);
  }
}
