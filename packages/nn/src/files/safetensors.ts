/**
 * @file The safetensors format: u64 length of a header, the header as JSON ({name: {dtype, shape, data_offsets}}), then
 * raw little-endian tensors without gaps. Source: https://github.com/huggingface/safetensors#format.
 */
import { WeightError } from '@curio/engine';
import { joinScales } from './quantised.ts';
import { isObject, MOST_JSON, parseJson } from './json.ts';
import { shownShape, shownText, shownValue } from './shown.ts';
import {
  BYTES,
  elements,
  isCount,
  isShape,
  MOST_AXES,
  readExactly,
  type ByteSource,
  type NamedTensor,
  type StoredDType,
  type StoredTensor,
  type TensorMap,
} from './tensor-file.ts';

export interface Safetensors {
  readonly tensors: TensorMap;
  /** `__metadata__`: strings only. */
  readonly metadata: Readonly<Record<string, string>>;
}

interface Entry {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

type Fail = (what: string) => never;

/**
 * Opens a file: reads and checks the header, no tensor yet.
 * @throws WeightError in one sentence for a truncated file, a malformed header, repeated names, unknown types, and
 * tensors that overlap, leave gaps or do not fit.
 */
export async function openSafetensors(source: ByteSource): Promise<Safetensors> {
  const fail: Fail = (what) => {
    throw new WeightError(`safetensors: ${source.name}: ${what}`);
  };
  if (source.size < 8) fail(`the file has ${source.size} bytes and a header's length alone takes 8; it is truncated.`);
  const prefix = await readExactly(source, 0, 8);
  const length = Number(new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true));
  // The reference allows 100 MB, but no file needs them: 60,000 tensors take 7.
  if (length > MOST_JSON)
    fail(`the header claims ${length} bytes, and at most ${MOST_JSON} are read; this is not a safetensors file.`);
  if (8 + length > source.size)
    fail(`the header claims ${length} bytes and ${source.size - 8} follow; the file is truncated.`);
  const header = parseJson(await readExactly(source, 8, length), (what) =>
    fail(`the header ${what}; the file is damaged.`),
  );
  if (!isObject(header)) return fail('the header is not a JSON object; the file is damaged.');

  const { __metadata__: metadata = {}, ...rest } = header;
  if (!isObject(metadata) || Object.values(metadata).some((x) => typeof x !== 'string'))
    fail("'__metadata__' must map names to strings; the file is damaged.");
  const entries = Object.entries(rest).map(([name, raw]) => readEntry(name, raw, fail));
  refuseHoles(entries, source.size - 8 - length, fail);

  const tensors = new Map<string, StoredTensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    const readRange = (from: number, to: number, into?: Uint8Array<ArrayBuffer>) =>
      readExactly(source, 8 + length + begin + from, to - from, into);
    tensors.set(name, { dtype, shape, file: source.name, read: () => readRange(0, end - begin), readRange });
  }
  const texts = metadata as Record<string, string>;
  return { tensors: joinScales(source.name, tensors, texts), metadata: texts };
}

/** Sorted by offset, tensors must be adjacent and fill the file; anything else is damaged or malicious. */
function refuseHoles(entries: Entry[], data: number, fail: Fail): void {
  let filled = 0;
  let before = 'the header';
  for (const { name, begin, end } of entries.sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    const tensor = `tensor '${shownText(name)}'`;
    if (begin < filled)
      fail(`${tensor} starts at byte ${begin} inside ${before}, which ends at ${filled}; tensors must not overlap.`);
    if (begin > filled)
      fail(`${tensor} starts at byte ${begin} and ${before} ends at ${filled}; there must be no gap.`);
    if (end > data) fail(`${tensor} ends at byte ${end} of the data and the file has ${data}; the file is truncated.`);
    filled = end;
    before = tensor;
  }
  if (filled < data)
    fail(`the tensors end at byte ${filled} of the data and the file has ${data}; there must be nothing after them.`);
}

function readEntry(name: string, raw: unknown, fail: Fail): Entry {
  const tensor = `tensor '${shownText(name)}'`;
  if (!isObject(raw)) return fail(`${tensor} is not described by an object; the file is damaged.`);
  const { dtype, shape, data_offsets: offsets } = raw;
  if (typeof dtype !== 'string' || !Object.hasOwn(BYTES, dtype))
    return fail(`${tensor} has the type ${shownValue(dtype)}; known types are ${Object.keys(BYTES).join(', ')}.`);
  if (!isShape(shape))
    return fail(`${tensor} has the shape ${shownValue(shape)}; it must be a list of at most ${MOST_AXES} sizes.`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount) || offsets[0] > offsets[1]) {
    return fail(`${tensor} has the offsets ${shownValue(offsets)}; they must be a start and an end.`);
  }
  const [begin, end] = offsets as number[];
  const bytes = elements(shape) * BYTES[dtype as StoredDType];
  if (end - begin !== bytes)
    return fail(
      `${tensor} is ${dtype} ${shownShape(shape)}, which takes ${bytes} bytes, and its offsets hold ${end - begin}; the file is damaged.`,
    );
  return { name, dtype: dtype as StoredDType, shape, begin, end };
}

/** What the header says about one tensor. */
type Described = Pick<NamedTensor, 'name' | 'dtype' | 'shape'>;

export const byteLength = ({ dtype, shape }: Described): number => elements(shape) * BYTES[dtype];

/**
 * The header of a file, and the order in which the tensors follow it: by size of element, then by name, the header
 * padded to 8 bytes, as the reference does: the same tensors always give the same bytes.
 */
export function safetensorsHeader<T extends Described>(
  tensors: Iterable<T>,
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): { readonly header: Uint8Array; readonly sorted: readonly T[]; readonly size: number } {
  const sorted = [...tensors].sort((a, b) => BYTES[b.dtype] - BYTES[a.dtype] || (a.name < b.name ? -1 : 1));
  const fields = new Map<string, unknown>([['__metadata__', metadata]]);
  let offset = 0;
  for (const tensor of sorted) {
    const { name, dtype, shape } = tensor;
    if (fields.has(name)) throw new WeightError(`safetensors: tensor '${name}' is given twice; names must differ.`);
    const end = offset + byteLength(tensor);
    fields.set(name, { dtype, shape, data_offsets: [offset, end] });
    offset = end;
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(fields)));
  const header = new Uint8Array(8 + Math.ceil(text.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(text, 8);
  return { header, sorted, size: header.length + offset };
}

/** The file as a list of chunks, so that a large one can be written without a second copy in memory. */
export function encodeSafetensors(
  tensors: Iterable<NamedTensor>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array[] {
  const { header, sorted } = safetensorsHeader(tensors, metadata);
  const chunks = sorted.map((tensor) => {
    const { name, dtype, shape, data } = tensor;
    const bytes = byteLength(tensor);
    if (data.byteLength !== bytes)
      throw new WeightError(
        `safetensors: tensor '${name}' is ${dtype} [${shape.join(', ')}], which takes ${bytes} bytes, and its data has ${data.byteLength}.`,
      );
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  });
  return [header, ...chunks];
}

/** Chunks as one array. */
export function joinBytes(chunks: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    out.set(chunk, offset);
    offset += chunk.length;
  }
  return out;
}
