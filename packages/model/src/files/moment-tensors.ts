/**
 * @file An optimizer's moments as tensors of a file. f32: `first.NAME` and `second.NAME`. 8-bit: the same as U8 codes,
 * with `first_absmax.NAME` and `second_absmax.NAME`.
 */
import { WeightError } from '@curio/engine';
import type { AdamWState, Moment, MomentPair } from '@curio/engine';
import { decodeFloats } from '@curio/nn';
import type { NamedTensor, TensorMap } from '@curio/nn';

/** Prefixes of the names of first and second moments. */
export type MomentPrefixes = readonly [first: string, second: string];

/** The tensors to write. */
export function momentTensors(
  moments: AdamWState['moments'],
  [first, second]: MomentPrefixes = ['first', 'second'],
): NamedTensor[] {
  const tensorsOf = (prefix: string, name: string, moment: Moment): NamedTensor[] =>
    moment instanceof Float32Array
      ? [{ name: `${prefix}.${name}`, dtype: 'F32', shape: [moment.length], data: moment }]
      : [
          { name: `${prefix}.${name}`, dtype: 'U8', shape: [moment.codes.length], data: moment.codes },
          { name: `${prefix}_absmax.${name}`, dtype: 'F32', shape: [moment.absmax.length], data: moment.absmax },
        ];
  return [...moments].flatMap(([name, pair]) => [
    ...tensorsOf(first, name, pair.first),
    ...tensorsOf(second, name, pair.second),
  ]);
}

/**
 * The moments of one parameter among a file's tensors; undefined if it has none.
 * @param path for messages
 * @throws WeightError if one of a pair, or codes or their absmax, is missing
 */
export async function readMomentsOf(
  name: string,
  path: string,
  tensors: TensorMap,
  [first, second]: MomentPrefixes = ['first', 'second'],
): Promise<MomentPair | undefined> {
  if (!tensors.has(`${first}.${name}`)) return undefined;
  const tensorOf = (full: string) => {
    const tensor = tensors.get(full);
    if (!tensor) throw new WeightError(`checkpoint: ${path} has no '${full}'; the optimizer's moments are incomplete.`);
    return tensor;
  };
  const floats = async (full: string): Promise<Float32Array<ArrayBuffer>> => {
    const tensor = tensorOf(full);
    return decodeFloats(await tensor.read(), tensor.dtype) as Float32Array<ArrayBuffer>;
  };
  const momentOf = async (prefix: string): Promise<Moment> => {
    const tensor = tensorOf(`${prefix}.${name}`);
    if (tensor.dtype !== 'U8') return floats(`${prefix}.${name}`);
    return { codes: new Uint8Array(await tensor.read()), absmax: await floats(`${prefix}_absmax.${name}`) };
  };
  return { first: await momentOf(first), second: await momentOf(second) };
}

/** All moments among a file's tensors, by parameter. Throws as `readMomentsOf`. */
export async function readMoments(
  path: string,
  tensors: TensorMap,
  prefixes: MomentPrefixes = ['first', 'second'],
): Promise<AdamWState['moments']> {
  const begin = `${prefixes[0]}.`;
  const names = [...tensors.keys()].flatMap((name) => (name.startsWith(begin) ? [name.slice(begin.length)] : []));
  const moments = new Map<string, MomentPair>();
  for (const name of names) moments.set(name, (await readMomentsOf(name, path, tensors, prefixes))!);
  return moments;
}
