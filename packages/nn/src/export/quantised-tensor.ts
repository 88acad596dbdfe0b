/** @file A matrix quantised by the device, made while it is written. */
import { Parameter } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { piecesOf, readAhead, Scratch } from '../files/load-pieces.ts';
import { COLUMNS, perWord, SCALES } from '../files/quantised.ts';
import type { QuantisedStorage } from '../files/quantised.ts';
import type { StoredTensor } from '../files/tensor-file.ts';
import type { StreamedTensor } from './streamed.ts';

interface Packed {
  readonly words: Uint8Array;
  readonly scales: Uint8Array;
  readonly columns: Uint8Array;
}

/**
 * The words, the scales and for int8 the factors of columns of a matrix [out, in], as opening the file under `storage`
 * makes them.
 * @throws ShapeError while it is written, where groups do not fit its last axis
 */
export function quantisedTensor(
  gpu: Gpu,
  name: string,
  stored: StoredTensor,
  storage: QuantisedStorage,
): StreamedTensor {
  const [rows = 0, columns = 0] = stored.shape;
  const group = [64, 32, 16, 8].find((size) => columns % size === 0) ?? 8;
  // In a file factors and scales follow their words, in this order, so all are made once.
  let made: Promise<Packed> | null = null;
  const part = (which: keyof Packed) =>
    async function* (): AsyncGenerator<Uint8Array> {
      made ??= quantise(gpu, name, stored, storage);
      const packed = await made;
      if (which === 'scales') made = null;
      yield packed[which];
    };
  return {
    name,
    dtype: 'U32',
    shape: [rows, columns / perWord(storage)],
    pieces: part('words'),
    companions: [
      ...(storage === 'int8'
        ? [{ name: name + COLUMNS, dtype: 'F32' as const, shape: [columns], pieces: part('columns') }]
        : []),
      { name: name + SCALES, dtype: 'F32', shape: [rows, columns / group], pieces: part('scales') },
    ],
  };
}

async function quantise(gpu: Gpu, name: string, stored: StoredTensor, storage: QuantisedStorage): Promise<Packed> {
  const parameter = new Parameter(gpu, name, stored.shape, null, storage);
  try {
    for await (const { piece, bytes } of readAhead(piecesOf(parameter, stored, new Scratch()))) piece.write(bytes);
    const { scales, columns } = parameter.quantisation!;
    const factors = columns ? await columns.read() : new Float32Array(stored.shape[1]!).fill(1);
    return { words: bytesOf(await parameter.read()), scales: bytesOf(await scales.read()), columns: bytesOf(factors) };
  } finally {
    parameter.quantisation?.scales.dispose();
    parameter.dispose();
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
