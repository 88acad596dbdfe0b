/** @file A matrix quantised by the device while it is written. */
import { canNest, Parameter, SCALE_BLOCK } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { piecesOf, readAhead, Scratch } from '../files/load-pieces.ts';
import { BLOCKS, COLUMNS, perWord, SCALES } from '../files/quantised.ts';
import type { QuantisedStorage } from '../files/quantised.ts';
import type { StoredTensor } from '../files/tensor-file.ts';
import { dtypeOf, storeOptionsOf } from '../weights.ts';
import type { StreamedTensor } from './streamed.ts';

interface Packed {
  readonly words: Uint8Array;
  readonly scales: Uint8Array;
  readonly columns: Uint8Array;
  readonly blocks: Uint8Array;
}

/**
 * The words, the scales, for int8 the factors of columns and for nf4-dq the blocks of scales of a matrix [out, in], as
 * opening the file under `storage` makes them.
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
  const groups = columns / group;
  const nested = storage === 'nf4-dq' && canNest(columns, group);
  // In a file the scales follow their words, in this order, so everything is computed once.
  let made: Promise<Packed> | null = null;
  const part = (which: keyof Packed, last = false) =>
    async function* (): AsyncGenerator<Uint8Array> {
      made ??= quantise(gpu, name, stored, storage);
      const packed = await made;
      if (last) made = null;
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
      { name: name + SCALES, dtype: nested ? 'U8' : 'F32', shape: [rows, groups], pieces: part('scales', !nested) },
      ...(nested
        ? [
            {
              name: name + BLOCKS,
              dtype: 'F32' as const,
              shape: [Math.ceil((rows * groups) / SCALE_BLOCK), 2],
              pieces: part('blocks', true),
            },
          ]
        : []),
    ],
  };
}

async function quantise(gpu: Gpu, name: string, stored: StoredTensor, storage: QuantisedStorage): Promise<Packed> {
  const parameter = new Parameter(gpu, name, stored.shape, null, dtypeOf(storage));
  try {
    const pieces = piecesOf(parameter, stored, new Scratch(), storeOptionsOf(storage));
    for await (const { piece, bytes } of readAhead(pieces)) piece.write(bytes);
    const { scales, columns, blocks } = parameter.quantisation!;
    const factors = columns ? await columns.read() : new Float32Array(stored.shape[1]!).fill(1);
    return {
      words: bytesOf(await parameter.read()),
      scales: bytesOf(await scales.read()),
      columns: bytesOf(factors),
      blocks: blocks ? bytesOf(await blocks.read()) : new Uint8Array(0),
    };
  } finally {
    parameter.dispose();
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
