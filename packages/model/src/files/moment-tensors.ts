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

/** The moments among a file's tensors. @throws WeightError if one of a pair, or codes or their absmax, is missing */
export async function readMoments(
  path: string,
  tensors: TensorMap,
  [first, second]: MomentPrefixes = ['first', 'second'],
): Promise<AdamWState['moments']> {
  const tensorOf = (name: string) => {
    const tensor = tensors.get(name);
    if (!tensor) throw new WeightError(`checkpoint: ${path} has no '${name}'; the optimizer's moments are incomplete.`);
    return tensor;
  };
  const floats = async (name: string): Promise<Float32Array<ArrayBuffer>> => {
    const tensor = tensorOf(name);
    return decodeFloats(await tensor.read(), tensor.dtype) as Float32Array<ArrayBuffer>;
  };
  const momentOf = async (prefix: string, name: string): Promise<Moment> => {
    const tensor = tensorOf(`${prefix}.${name}`);
    if (tensor.dtype !== 'U8') return floats(`${prefix}.${name}`);
    return { codes: Uint8Array.from(await tensor.read()), absmax: await floats(`${prefix}_absmax.${name}`) };
  };
  const begin = `${first}.`;
  const names = [...tensors.keys()].flatMap((name) => (name.startsWith(begin) ? [name.slice(begin.length)] : []));
  return new Map(
    await Promise.all(
      names.map(
        async (name): Promise<[string, MomentPair]> => [
          name,
          { first: await momentOf(first, name), second: await momentOf(second, name) },
        ],
      ),
    ),
  );
}
