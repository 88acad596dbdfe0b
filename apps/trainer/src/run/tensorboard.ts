/**
 * @file TensorBoard's event files: records of (u64 length, masked CRC-32C of it, bytes, masked CRC-32C of them), each a
 * protobuf `Event`. Source: tensorflow/core/util/event.proto, core/framework/summary.proto,
 * core/lib/io/record_writer.h.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { makeFolder, withFile } from '../disk/system-error.ts';

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0x82f63b78 : byte >>> 1;
  return byte;
});

/** CRC-32C, masked as the record format requires. */
function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** Protobuf's wire format, for the four kinds of field that events use. */
const varint = (n: number): Buffer => {
  const out: number[] = [];
  for (; n >= 128; n = Math.floor(n / 128)) out.push((n % 128) | 128);
  return Buffer.from([...out, n]);
};
const key = (field: number, wire: number): Buffer => varint(field * 8 + wire);
const integer = (field: number, n: number): Buffer => Buffer.concat([key(field, 0), varint(n)]);
const bytes = (field: number, content: Uint8Array): Buffer =>
  Buffer.concat([key(field, 2), varint(content.length), content]);
const text = (field: number, content: string): Buffer => bytes(field, Buffer.from(content));
const float = (field: number, x: number): Buffer => {
  const out = Buffer.alloc(4);
  out.writeFloatLE(x);
  return Buffer.concat([key(field, 5), out]);
};
const double = (field: number, x: number): Buffer => {
  const out = Buffer.alloc(8);
  out.writeDoubleLE(x);
  return Buffer.concat([key(field, 1), out]);
};

/**
 * Field numbers: Event { wall_time 1, step 2, file_version 3, summary 5, session_log 7 }, Summary.Value { tag 1,
 * simple_value 2, image 4, tensor 8, metadata 9 }.
 */
export class TensorBoardWriter {
  private readonly file: number;
  private readonly path: string;

  /** Starts a new file in `folder`; TensorBoard reads all files of a folder as one run. */
  constructor(
    folder: string,
    private readonly now: () => number = () => Date.now() / 1000,
  ) {
    this.path = join(folder, `events.out.tfevents.${Math.floor(now())}.${hostname()}.${process.pid}`);
    makeFolder(folder);
    this.file = withFile(this.path, () => openSync(this.path, 'a'));
    this.record(text(3, 'brain.Event:2'));
  }

  scalar(tag: string, value: number, step: number): void {
    this.value(step, [text(1, tag), float(2, value)]);
  }

  /** Text, which TensorBoard shows as Markdown: a string tensor of shape [1] for the plugin "text". */
  text(tag: string, content: string, step: number): void {
    const shape = bytes(2, bytes(2, integer(1, 1)));
    const tensor = Buffer.concat([integer(1, 7), shape, text(8, content)]);
    this.value(step, [text(1, tag), bytes(8, tensor), bytes(9, bytes(1, text(1, 'text')))]);
  }

  image(tag: string, png: Uint8Array, size: { width: number; height: number }, step: number): void {
    const image = Buffer.concat([integer(1, size.height), integer(2, size.width), integer(3, 3), bytes(4, png)]);
    this.value(step, [text(1, tag), bytes(4, image)]);
  }

  /** Tells TensorBoard to discard events after `step` in older files. */
  restart(step: number): void {
    this.record(Buffer.concat([integer(2, step), bytes(7, integer(1, 1))]));
  }

  close(): void {
    closeSync(this.file);
  }

  private value(step: number, fields: readonly Buffer[]): void {
    this.record(Buffer.concat([integer(2, step), bytes(5, bytes(1, Buffer.concat(fields)))]));
  }

  private record(fields: Buffer): void {
    const event = Buffer.concat([double(1, this.now()), fields]);
    const out = Buffer.alloc(12 + event.length + 4);
    out.writeBigUInt64LE(BigInt(event.length));
    out.writeUInt32LE(maskedCrc(out.subarray(0, 8)), 8);
    event.copy(out, 12);
    out.writeUInt32LE(maskedCrc(event), 12 + event.length);
    withFile(this.path, () => writeSync(this.file, out));
  }
}
