/** @file One single-operator case of ONNX, as an expression in the engine's ops sees it. */
import { cast, tensor } from '@curio/engine';
import type { Gpu, Tensor } from '@curio/engine';
import type { GoldenFile } from '../golden.ts';

export interface Described {
  /** ONNX's name of an element type. */
  readonly type: string;
  /** Null for what is not a tensor. */
  readonly shape: readonly number[] | null;
}

export interface OnnxCase {
  readonly name: string;
  readonly operator: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Null where an optional one is left out. */
  readonly inputs: readonly (Described | null)[];
  readonly outputs: readonly (Described | null)[];
}

export type Lack = 'op' | 'type' | 'option' | 'size';

/** The engine does not have what a case asks for. */
export class Missing extends Error {
  constructor(
    readonly lack: Lack,
    readonly what: string,
  ) {
    super(`missing ${lack}: ${what}`);
  }
}

/** Throws Missing, an option of that name, unless `has`. */
export function needOption(has: boolean, what: string): void {
  if (!has) throw new Missing('option', what);
}

/** An operator's outputs in the engine's ops. */
export type Expression = (node: Node) => Tensor | (Tensor | null)[];
export type Expressions = Readonly<Record<string, Expression>>;

/** The inputs and attributes of a case. */
export class Node {
  constructor(
    readonly gpu: Gpu,
    readonly given: OnnxCase,
    private readonly file: GoldenFile,
  ) {}

  get inputs(): number {
    return this.given.inputs.length;
  }
  get outputs(): number {
    return this.given.outputs.length;
  }

  has(i: number): boolean {
    return !!this.given.inputs[i];
  }

  /** Input i in its own type: double as f32, int64 as i32, f16 and bf16 packed. */
  tensor(i: number): Tensor {
    const { type, shape } = this.described(i);
    const values = this.values(i);
    const x =
      type === 'bool'
        ? tensor(this.gpu, Array.from(values, Boolean), shape!, { dtype: 'bool' })
        : type === 'uint32'
          ? tensor(this.gpu, new Uint32Array(values.buffer as ArrayBuffer), shape!)
          : tensor(this.gpu, values as Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>, shape!);
    return type === 'float16' ? cast(x, 'f16') : type === 'bfloat16' ? cast(x, 'bf16') : x;
  }

  /** Input i, which arithmetic is done with. */
  float(i = 0): Tensor {
    const { type } = this.described(i);
    if (type !== 'float' && type !== 'double') throw new Missing('type', `arithmetic in ${type}`);
    return this.tensor(i);
  }

  /** Input i as indices, i32. */
  index(i: number): Tensor {
    return tensor(this.gpu, Int32Array.from(this.values(i)), this.described(i).shape!);
  }

  /** The values of input i, where an op of the engine takes plain numbers: shapes, axes, bounds. */
  numbers(i: number): number[] {
    return Array.from(this.values(i));
  }

  int(name: string, otherwise: number): number {
    return (this.given.attributes[name] as number | undefined) ?? otherwise;
  }

  text(name: string, otherwise: string): string {
    return (this.given.attributes[name] as string | undefined) ?? otherwise;
  }

  list(name: string): number[] | undefined {
    return this.given.attributes[name] as number[] | undefined;
  }

  described(i: number): Described {
    const found = this.given.inputs[i];
    if (!found) throw new Error(`onnx: ${this.given.name} has no input ${i}; the expression must ask first.`);
    return found;
  }

  private values(i: number): Float32Array | Int32Array {
    return this.file.tensor(`${this.given.name}.in.${i}`).data as Float32Array | Int32Array;
  }
}
