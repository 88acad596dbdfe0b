/** @file The order of the samples: shuffled, similar lengths together, images and text separate. */

import { DataError, type RandomStream } from '@curio/engine';

function chunksOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/**
 * Batches of similar length: a shuffled order is cut into pools of `pool` batches, each pool sorted and cut into
 * batches, and the batches shuffled. The last batch may be short. Returns indices batch by batch.
 */
export function groupByLength(
  lengths: readonly number[],
  batchSize: number,
  random: RandomStream,
  pool = 50,
): number[][] {
  const pools = chunksOf(random.shuffle(range(lengths.length)), batchSize * pool);
  const batches = pools.flatMap((indices) =>
    chunksOf(
      [...indices].sort((a, b) => lengths[b] - lengths[a]),
      batchSize,
    ),
  );
  const full = batches.filter((batch) => batch.length === batchSize);
  return [...random.shuffle(full), ...batches.filter((batch) => batch.length < batchSize)];
}

/**
 * The published recipe's order (`group_by_modality_length`): lengths are positive for samples with an image and
 * negative for text; each megabatch of batchSize · world samples is of one kind, except the last, which takes what is
 * left of both. Returns one flat order; `world` is devices × accumulation steps. Throws DataError where a length is
 * zero.
 */
export function groupByModalityLength(
  lengths: readonly number[],
  batchSize: number,
  world: number,
  random: RandomStream,
): number[] {
  const zero = lengths.indexOf(0);
  if (zero >= 0) throw new DataError(`sampler: sample ${zero} has length 0; every sample needs at least one word.`);
  const images = range(lengths.length).filter((i) => lengths[i] > 0);
  const texts = range(lengths.length).filter((i) => lengths[i] < 0);
  const ordered = (indices: number[]): number[][] =>
    chunksOf(megabatchOrder(indices, lengths, batchSize, world, random), batchSize * world);
  if (images.length === 0 || texts.length === 0) return ordered(range(lengths.length)).flat();
  const imageBatches = ordered(images);
  const textBatches = ordered(texts);
  const rest = [...imageBatches.pop()!, ...textBatches.pop()!].sort((a, b) => a - b);
  return [...random.shuffle([...imageBatches, ...textBatches]).flat(), ...rest];
}

/** Random megabatches, each sorted by length and distributed evenly over `world` batches. */
function megabatchOrder(
  indices: number[],
  lengths: readonly number[],
  batchSize: number,
  world: number,
  random: RandomStream,
): number[] {
  return chunksOf(random.shuffle(indices), batchSize * world).flatMap((megabatch) => {
    const sorted = [...megabatch].sort((a, b) => Math.abs(lengths[b]) - Math.abs(lengths[a]));
    return dealEvenly(sorted, lengths, world).flat();
  });
}

/** Each next index goes to the shortest chunk that has room; round robin if the count is not divisible. */
function dealEvenly(sorted: number[], lengths: readonly number[], world: number): number[][] {
  const chunks: number[][] = range(world).map(() => []);
  if (sorted.length % world !== 0) {
    sorted.forEach((index, i) => chunks[i % world].push(index));
    return chunks;
  }
  const room = sorted.length / world;
  const totals = new Array<number>(world).fill(0);
  for (const index of sorted) {
    const shortest = totals.indexOf(Math.min(...totals));
    chunks[shortest].push(index);
    totals[shortest] = chunks[shortest].length === room ? Infinity : totals[shortest] + Math.abs(lengths[index]);
  }
  return chunks;
}
