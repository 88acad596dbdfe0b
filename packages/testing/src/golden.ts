/// <reference types="vite/client" />

/** A tensor of a golden file, in row-major order; shape [] is a scalar with one element. */
export interface GoldenTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/**
 * Reference values that PyTorch computed, and the config of the tiny model that they belong to. See
 * packages/testing/golden/README.md.
 */
export class GoldenFile {
  constructor(
    readonly name: string,
    /** Hugging Face's config keys, and the smallest margin of each hard decision in the file. */
    // biome-ignore lint/suspicious/noExplicitAny: its shape is the model's that wrote it
    readonly config: Record<string, any>,
    readonly tensors: ReadonlyMap<string, GoldenTensor>,
  ) {}

  tensor(name: string): GoldenTensor {
    const found = this.tensors.get(name);
    if (!found)
      throw new Error(
        `golden: no tensor '${name}' in ${this.name}.safetensors; it has ${[...this.tensors.keys()].join(', ')}.`,
      );
    return found;
  }

  floats(name: string): Float32Array {
    return this.typed(name, Float32Array);
  }

  ints(name: string): Int32Array {
    return this.typed(name, Int32Array);
  }

  bytes(name: string): Uint8Array {
    return this.typed(name, Uint8Array);
  }

  scalar(name: string): number {
    const { data } = this.tensor(name);
    if (data.length !== 1)
      throw new Error(`golden: '${name}' in ${this.name}.safetensors has ${data.length} elements; a scalar has 1.`);
    return data[0];
  }

  /**
   * The tensors whose name begins with the prefix, without it: `under('weights.')` is a checkpoint in published names.
   */
  under(prefix: string): Map<string, GoldenTensor> {
    const found = new Map<string, GoldenTensor>();
    for (const [name, tensor] of this.tensors)
      if (name.startsWith(prefix)) found.set(name.slice(prefix.length), tensor);
    return found;
  }

  private typed<A extends GoldenTensor['data']>(name: string, type: abstract new (...args: never[]) => A): A {
    const { data } = this.tensor(name);
    if (!(data instanceof type))
      throw new Error(
        `golden: '${name}' in ${this.name}.safetensors is a ${data.constructor.name}, not a ${type.name}.`,
      );
    return data;
  }
}

// Vite inlines each file as a data URL, which Node and a browser can both fetch; a file is only read when it is opened.
const files = import.meta.glob<string>('../golden/*.safetensors', { query: '?url&inline', import: 'default' });

/** Opens packages/testing/golden/<name>.safetensors, under vitest in Node and in the browser alike. */
export async function openGolden(name: string): Promise<GoldenFile> {
  const load = files[`../golden/${name}.safetensors`];
  if (!load)
    throw new Error(
      `golden: no file '${name}'; there are ${Object.keys(files)
        .map((path) => path.slice('../golden/'.length))
        .join(', ')}.`,
    );
  const response = await fetch(await load());
  return parseGolden(name, await response.arrayBuffer());
}

/**
 * The safetensors layout: u64 header length, JSON header, data. Written apart from the reader in @curio/nn on purpose,
 * so that a mistake there cannot hide in both the file and its check; only the three types that golden files use.
 */
interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [start: number, end: number];
}

export function parseGolden(name: string, bytes: ArrayBuffer): GoldenFile {
  const headerLength = Number(new DataView(bytes).getBigUint64(0, true));
  const { __metadata__: metadata, ...header } = JSON.parse(
    new TextDecoder().decode(new Uint8Array(bytes, 8, headerLength)),
  );
  const arrays = { F32: Float32Array, I32: Int32Array, U8: Uint8Array };
  const tensors = new Map<string, GoldenTensor>();
  for (const [tensor, entry] of Object.entries(header as Record<string, HeaderEntry>)) {
    const {
      dtype,
      shape,
      data_offsets: [start, end],
    } = entry;
    const type = arrays[dtype as keyof typeof arrays];
    if (!type)
      throw new Error(
        `golden: '${tensor}' in ${name}.safetensors is stored as ${dtype}; golden files hold F32, I32 and U8.`,
      );
    tensors.set(tensor, { shape, data: new type(bytes.slice(8 + headerLength + start, 8 + headerLength + end)) });
  }
  return new GoldenFile(name, JSON.parse(metadata.config), tensors);
}
