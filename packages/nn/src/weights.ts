/**
 * @file A scope of weights. A layer asks for its tensors by their checkpoint names where it is made,
 *
 *     new Linear(w.at('self_attn.q_proj'), …)   →   w.get('weight', [out, in], init.linear(in))
 *
 * and does not see where the values come from: an opened file, an adapter, or a seeded initialiser.
 */
import { editDistance, Parameter, RandomStream, reserveScales, WeightError } from '@curio/engine';
import type { DType, Gpu, StoreOptions } from '@curio/engine';
import { hashName, type Initializer } from './init.ts';
import { drawValues, type Piece, piecesOf, readAhead, Scratch } from './files/load-pieces.ts';
import type { StoredTensor, TensorMap } from './files/tensor-file.ts';

/**
 * How the frozen matrices of a base may lie on the device; arithmetic is f32 in any case. int8, int4 and nf4 carry a
 * scale for 64 neighbours, int8 also factors of outlier columns; nf4-dq is nf4 whose scales are quantised once more
 * (QLoRA's double quantisation).
 */
export const BASE_STORAGES = ['f32', 'f16', 'bf16', 'int8', 'int4', 'nf4', 'nf4-dq'] as const;
export type BaseStorage = (typeof BASE_STORAGES)[number];

/** The element type that a storage's parameters have. */
export const dtypeOf = (storage: BaseStorage): DType => (storage === 'nf4-dq' ? 'nf4' : storage);
export const storeOptionsOf = (storage: BaseStorage): StoreOptions => ({ nested: storage === 'nf4-dq' });

/** Bytes handed to the device before it is waited for. */
const MOST_STAGED = 2 ** 26;

/** Opened tensors, mounted at a path of the model. */
export interface WeightPart {
  /**
   * Path of the model that this part fills; '' for all of it. Of several parts at one path the first that has a tensor
   * gives it.
   */
  readonly at?: string;
  /** What it is, for the report. */
  readonly label?: string;
  readonly tensors: TensorMap;
  /** Prefix of the path in the file; the first that fits is used. Default ['']. */
  readonly prefixes?: readonly string[];
  /** Tensors under `at` that may be initialised when the file lacks them; all others must be there. Default: none. */
  readonly fresh?: RegExp;
  /** Storage of this part's matrices (tensors of two axes), which stay frozen. Default f32. */
  readonly base?: BaseStorage;
  /**
   * Matrices that other ops than `linear` and `embedding` read, and that are f32 in any case, such as a table of
   * positions that is added.
   */
  readonly plain?: RegExp;
  /** Tensors in the file that are known to be unused and are not reported as unexpected. */
  readonly ignore?: RegExp;
  /** Refuse tensors that nothing requested and that are not ignored, instead of reporting them. */
  readonly whole?: boolean;
}

export interface WeightsOptions {
  /** Seed of the initialisers. Default 0. */
  readonly seed?: number;
  readonly parts?: readonly WeightPart[];
  /** A frozen parameter of another model to be shared instead of copied; undefined: its own. */
  readonly shared?: (name: string) => Parameter | undefined;
  /** For a dry run: no file and no values; the storage of each parameter comes from here. */
  readonly bare?: (name: string, shape: readonly number[]) => BaseStorage;
}

export interface WeightsReport {
  /** Parameters whose values came from a file. */
  readonly loaded: readonly string[];
  /** Parameters whose values were drawn. */
  readonly initialised: readonly string[];
  /** Names in the files that nothing requested. */
  readonly unexpected: readonly string[];
  /** Loaded parameters all of whose values are 0. */
  readonly zero: readonly string[];
  readonly parts: readonly PartReport[];
}

/** How the tensors of a part were used, by their names in the file. */
export interface PartReport {
  readonly label: string;
  readonly used: readonly string[];
  readonly ignored: readonly string[];
  readonly unexpected: readonly string[];
}

interface Pending {
  readonly parameter: Parameter;
  readonly stored: StoredTensor;
  readonly options: StoreOptions;
}

/** What all scopes of one model share. */
interface Registry {
  readonly gpu: Gpu;
  readonly seed: number;
  readonly parts: readonly WeightPart[];
  readonly bare: WeightsOptions['bare'];
  readonly shared: WeightsOptions['shared'];
  readonly parameters: Map<string, Parameter>;
  readonly pending: Pending[];
  readonly loaded: string[];
  readonly initialised: string[];
  readonly zero: string[];
  readonly used: Set<StoredTensor>;
  readonly scratch: Scratch;
}

export class Weights {
  private readonly registry: Registry;

  /** The root scope; `at` makes the others. */
  constructor(gpu: Gpu, options?: WeightsOptions);
  constructor(parent: Weights, path: string);
  constructor(from: Gpu | Weights, second: WeightsOptions | string = {}) {
    if (from instanceof Weights) {
      this.registry = from.registry;
      this.path = second as string;
      return;
    }
    const { seed = 0, parts = [], bare, shared } = second as WeightsOptions;
    this.path = '';
    this.registry = {
      gpu: from,
      seed,
      parts,
      bare,
      shared,
      parameters: new Map(),
      pending: [],
      loaded: [],
      initialised: [],
      zero: [],
      used: new Set(),
      scratch: new Scratch(),
    };
  }

  /** Full name of this scope, such as `language.model.layers.0`. */
  readonly path: string;

  get gpu(): Gpu {
    return this.registry.gpu;
  }

  /** The scope below: `w.at('layers').at(3)` and `w.at('layers.3')` are the same. */
  at(name: string | number): Weights {
    return new Weights(this, this.fullName(String(name)));
  }

  /**
   * The parameter `name` of this scope. Its values come from the first part that covers it, after `load()` (until then
   * they begin with NaN, so that a forgotten `load` is noticed), else from `initial`.
   * @throws WeightError when it is in no file and may not be initialised, when its shape differs, or when it is
   * requested twice.
   */
  get(name: string, shape: readonly number[], initial?: Initializer): Parameter {
    const { gpu, seed, bare, shared, parameters, pending, loaded, initialised, used, scratch } = this.registry;
    const fullName = this.fullName(name);
    if (parameters.has(fullName))
      throw new WeightError(`weights: '${fullName}' is asked for twice; share the parameter instead.`);
    if (bare) {
      const storage = bare(fullName, shape);
      const parameter = new Parameter(gpu, fullName, shape, null, dtypeOf(storage));
      reserveScales(parameter, storeOptionsOf(storage));
      parameters.set(fullName, parameter);
      return parameter;
    }
    const found = this.find(fullName);
    const packed = found?.stored.quantised?.storage;
    if (packed && packed !== (found.part.base ?? 'f32'))
      throw new WeightError(
        `weights: '${found.storedName}' in ${found.stored.file} is stored as ${packed} and ${found.part.base ?? 'f32'} is asked for; open it as ${packed}, or take the files that it was converted from.`,
      );
    const storage =
      found && shape.length === 2 && !found.part.plain?.test(fullName) ? (found.part.base ?? 'f32') : 'f32';
    if (found) {
      const { stored, storedName } = found;
      if (stored.shape.join() !== shape.join()) {
        throw new WeightError(
          `weights: '${storedName}' in ${stored.file} is [${stored.shape.join(', ')}] and the model needs [${shape.join(', ')}]; the file belongs to another configuration.`,
        );
      }
      const known = shared?.(fullName);
      if (known) {
        parameters.set(fullName, known);
        used.add(stored);
        loaded.push(fullName);
        return known;
      }
    }
    const draw = !found && this.mayInitialise(fullName) ? initial : undefined;
    if (!found && !draw) throw new WeightError(this.missing(fullName));
    const parameter = new Parameter(gpu, fullName, shape, null, dtypeOf(storage));
    parameters.set(fullName, parameter);
    if (found) {
      pending.push({ parameter, stored: found.stored, options: storeOptionsOf(storage) });
      used.add(found.stored);
      loaded.push(fullName);
    } else {
      const random = new RandomStream(seed, 0, hashName(fullName));
      drawValues(parameter, (out) => draw!(out, random), scratch);
      initialised.push(fullName);
    }
    return parameter;
  }

  /** Whether a file has this tensor: for optional ones, such as a bias. */
  has(name: string): boolean {
    return this.find(this.fullName(name)) !== undefined;
  }

  /**
   * Reads every tensor requested so far from its file and uploads it piece by piece while the next piece is read: if
   * the file allows partial reads, at most two pieces of 16 MiB are in memory.
   */
  async load(onTensor?: (done: number, total: number) => void): Promise<WeightsReport> {
    const { gpu, pending, zero, scratch } = this.registry;
    this.requireWhole();
    const total = pending.length;
    let done = 0;
    let staged = 0;
    let isZero = true;
    for await (const { piece, bytes } of readAhead(piecesOfAll(pending, scratch))) {
      piece.write(bytes);
      isZero &&= piece.isZero(bytes);
      staged += bytes.length;
      if (staged >= MOST_STAGED) {
        // What is uploaded stays in memory until the device has taken it.
        await gpu.synchronize();
        staged = 0;
      }
      if (!piece.isLast) continue;
      if (isZero) zero.push(piece.name);
      isZero = true;
      onTensor?.(++done, total);
    }
    scratch.free();
    return this.report();
  }

  /** @throws WeightError for a tensor that nothing requested in a part that is `whole` */
  requireWhole(): void {
    const { parts, used } = this.registry;
    for (const part of parts) {
      const [spare] = part.whole ? unusedOf(part, used) : [];
      if (spare)
        throw new WeightError(
          `weights: '${spare[0]}' in ${spare[1].file} has no place in the model; the file belongs to another configuration.`,
        );
    }
  }

  report(): WeightsReport {
    const { used, loaded, initialised, zero } = this.registry;
    const parts = this.registry.parts.map((part): PartReport => {
      const { label = part.at ?? '', tensors, ignore } = part;
      const names = (which: (stored: StoredTensor, name: string) => boolean | undefined): string[] =>
        [...tensors].filter(([name, stored]) => which(stored, name)).map(([name]) => name);
      return {
        label,
        used: names((stored) => used.has(stored)),
        ignored: names((stored, name) => !used.has(stored) && ignore?.test(name)),
        unexpected: unusedOf(part, used).map(([name]) => name),
      };
    });
    const unexpected = parts.flatMap((part) => part.unexpected);
    return { loaded: [...loaded], initialised: [...initialised], unexpected, zero: [...zero], parts };
  }

  /** All parameters created under this scope, by full name, in order of creation. */
  parameters(): Parameter[] {
    const under = this.path === '' ? '' : `${this.path}.`;
    return [...this.registry.parameters].filter(([name]) => name.startsWith(under)).map(([, parameter]) => parameter);
  }

  private fullName(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  /** Parts that cover a name, with the names it may have there. */
  private places(fullName: string): { part: WeightPart; names: string[] }[] {
    return this.registry.parts.flatMap((part) => {
      const mount = part.at ? `${part.at}.` : '';
      if (!fullName.startsWith(mount)) return [];
      const rest = fullName.slice(mount.length);
      return [{ part, names: (part.prefixes ?? ['']).map((prefix) => prefix + rest) }];
    });
  }

  private find(fullName: string): { stored: StoredTensor; storedName: string; part: WeightPart } | undefined {
    for (const { part, names } of this.places(fullName)) {
      for (const storedName of names) {
        const stored = part.tensors.get(storedName);
        if (stored) return { stored, storedName, part };
      }
    }
    return undefined;
  }

  private mayInitialise(fullName: string): boolean {
    const places = this.places(fullName);
    return places.length === 0 || places.some(({ part }) => part.fresh?.test(fullName));
  }

  private missing(fullName: string): string {
    let best: { name: string; near: string; file: string } | undefined;
    let least = Infinity;
    for (const { part, names } of this.places(fullName)) {
      for (const [near, { file }] of part.tensors) {
        for (const name of names) {
          const distance = editDistance(name, near, least);
          if (distance < least) [best, least] = [{ name, near, file }, distance];
        }
      }
    }
    if (best) return `weights: no tensor '${best.name}' in ${best.file}. Nearest: '${best.near}'.`;
    return `weights: no file holds '${fullName}', and it has no initialiser; open a checkpoint that has it.`;
  }
}

const unusedOf = ({ tensors, ignore }: WeightPart, used: ReadonlySet<StoredTensor>): [string, StoredTensor][] =>
  [...tensors].filter(([name, stored]) => !used.has(stored) && !ignore?.test(name));

function* piecesOfAll(pending: Pending[], scratch: Scratch): Generator<Piece> {
  for (let next = pending.shift(); next; next = pending.shift())
    yield* piecesOf(next.parameter, next.stored, scratch, next.options);
}
