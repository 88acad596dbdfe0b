/**
 * @file Quantised matrices in safetensors: the words as the device holds them, and their scales beside them.
 *
 *     __metadata__               format 'curio-quantised', version '2', storage 'int8'
 *     X.weight                   U32 [out, in · bits / 32]
 *     X.weight.scales            F32 [out, in / group]
 *     X.weight.columns           F32 [in], int8 only: factors of the columns, which version 1 did not have
 *     X.weight.blocks            F32 [ceil(out · in / group / 256), 2], nf4-dq only: the scales are U8 levels of 256,
 *                                whose minimum and step these are
 *
 * A matrix narrower than the group has a smaller group, which follows from the shape of its scales. Scales of nf4-dq
 * that cannot be quantised themselves are F32, without blocks. Tensors without scales are stored as in any file.
 */
import { canNest, SCALE_BLOCK, WeightError } from '@curio/engine';
import { shownText, shownValue } from './shown.ts';
import type { StoredTensor } from './tensor-file.ts';

/** Storages with scales, and the bits per number. */
const BITS = { int8: 8, int4: 4, nf4: 4, 'nf4-dq': 4 } as const;
export type QuantisedStorage = keyof typeof BITS;
export const QUANTISED_STORAGES = Object.keys(BITS) as QuantisedStorage[];

export const SCALES = '.scales';
export const COLUMNS = '.columns';
export const BLOCKS = '.blocks';
const FORMAT = 'curio-quantised';
const VERSION = '2';
const READ = ['1', VERSION];

/** The header of a file. */
export const quantisedMetadata = (storage: QuantisedStorage): Record<string, string> => ({
  format: FORMAT,
  version: VERSION,
  storage,
});

/** Numbers per word. */
export const perWord = (storage: QuantisedStorage): number => 32 / BITS[storage];

/**
 * The tensors of a file; a matrix and its scales are one tensor, with the shape of the numbers.
 * @throws WeightError for another version, scales without a matrix, or shapes that do not fit
 */
export function joinScales(
  file: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  { format, version, storage }: Readonly<Record<string, string>>,
): ReadonlyMap<string, StoredTensor> {
  if (format !== FORMAT) return tensors;
  const fail = (what: string): never => {
    throw new WeightError(`quantised: ${file}: ${what}`);
  };
  if (!READ.includes(version ?? '') || !Object.hasOwn(BITS, storage ?? ''))
    fail(
      `it is version ${shownValue(version)} with storage ${shownValue(storage)}; version ${READ.join(' or ')} with ${QUANTISED_STORAGES.join(', ')} can be read, so convert it again.`,
    );
  const kind = storage as QuantisedStorage;
  const blocksOf = (matrix: string, scales: number, fit: boolean): StoredTensor => {
    const blocks = tensors.get(matrix + BLOCKS);
    const count = Math.ceil(scales / SCALE_BLOCK);
    if (!fit || blocks?.dtype !== 'F32' || blocks.shape.join() !== `${count},2`)
      fail(
        `'${shownText(matrix)}' has ${scales} scales of 8 bits ${blocks ? `with blocks ${blocks.dtype} [${blocks.shape.join(', ')}]` : 'without blocks'}; ${fit ? `F32 [${count}, 2] are needed` : 'rows of its width have F32 scales'}.`,
      );
    return blocks!;
  };
  const joined = new Map(tensors);
  for (const [name, scales] of tensors) {
    if (!name.endsWith(SCALES)) continue;
    const matrix = name.slice(0, -SCALES.length);
    const words = tensors.get(matrix) ?? fail(`'${shownText(name)}' comes without '${shownText(matrix)}'.`);
    const [rows, columns] = [words.shape[0] ?? 0, (words.shape[1] ?? 0) * perWord(kind)];
    const groups = scales.shape[1] ?? 0;
    const groupSize = columns / groups;
    const nested = kind === 'nf4-dq' && scales.dtype === 'U8';
    const fits =
      words.dtype === 'U32' &&
      (nested || scales.dtype === 'F32') &&
      words.shape.length === 2 &&
      scales.shape.length === 2;
    if (!fits || scales.shape[0] !== rows || !Number.isInteger(groupSize) || groupSize % 8 !== 0)
      fail(
        `'${shownText(matrix)}' is ${words.dtype} [${words.shape.join(', ')}] with scales ${scales.dtype} [${scales.shape.join(', ')}]; U32 words of whole groups with F32 scales are needed.`,
      );
    const hasFactors = version !== '1' && kind === 'int8';
    const factors = hasFactors ? tensors.get(matrix + COLUMNS) : undefined;
    if (hasFactors && !factors)
      fail(
        `'${shownText(matrix)}' has no '${shownText(matrix + COLUMNS)}'; an int8 matrix of version ${VERSION} has a factor for each column.`,
      );
    if (factors && (factors.dtype !== 'F32' || factors.shape.join() !== String(columns)))
      fail(
        `'${shownText(matrix + COLUMNS)}' is ${factors.dtype} [${factors.shape.join(', ')}]; F32 [${columns}] is needed, a factor for each column.`,
      );
    const blocks = nested ? blocksOf(matrix, rows * groups, canNest(columns, groupSize)) : undefined;
    joined.delete(name);
    if (factors) joined.delete(matrix + COLUMNS);
    if (blocks) joined.delete(matrix + BLOCKS);
    joined.set(matrix, {
      ...words,
      shape: [rows, columns],
      quantised: { storage: kind, groupSize, scales, blocks, columns: factors },
    });
  }
  return joined;
}
