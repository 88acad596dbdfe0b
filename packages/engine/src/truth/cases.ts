/**
 * @file The truth of an op: a float64 forward, and cases at awkward sizes. One table drives tests, gradient checks,
 * benches and the workbench.
 */
import type { Family } from '../gpu/kernel/variant.ts';
import type { DType } from '../tensor/dtype.ts';
import { showShape } from '../tensor/shape.ts';
import type { Shape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Array64 } from './oracle.ts';

/** An input: random normal values of a shape, or what the fields say. */
export interface InputSpec {
  readonly shape: Shape;
  readonly dtype?: DType;
  /** Uniform values between `low` and `high` (whole ones for i32, u32, bool) instead of normal ones. */
  readonly range?: readonly [low: number, high: number];
  /** Given values. */
  readonly values?: ArrayLike<number>;
  /** Whether a gradient is checked; default: f32 inputs of ops that have one. */
  readonly needsGrad?: boolean;
  /** Hand the op a non-dense view with the same values. */
  readonly strided?: boolean;
  /** Written by the device, so that the host does not know the values: indices that it would refuse. */
  readonly onDevice?: boolean;
}

export interface Case<Attrs> {
  readonly label?: string;
  readonly inputs: readonly (Shape | InputSpec | null)[];
  readonly attrs?: Attrs;
  /** Changes random inputs that the op cannot be checked at, such as an arg-max within a step of a tie. */
  readonly adjust?: (inputs: readonly (Array64 | null)[], attrs: Attrs, random: { normal(): number }) => void;
  /** Factor on the tolerance of the op, with the reason in words. */
  readonly tolerance?: { readonly factor: number; readonly reason: string };
}

export interface BenchShape<Attrs> extends Case<Attrs> {
  /** Where the sizes come from. */
  readonly label: string;
  readonly flops?: number;
  /** Bytes at minimum traffic. */
  readonly bytes?: number;
}

export interface OpCases<Attrs = undefined> {
  readonly op: string;
  /** The op on the device. */
  readonly run: (inputs: readonly (Tensor | null)[], attrs: Attrs) => Tensor;
  /** The same in float64, written for reading. */
  readonly reference: (inputs: readonly (Array64 | null)[], attrs: Attrs) => Array64;
  /** Each variant of each family named here is forced in turn. */
  readonly families?: Readonly<Record<string, Family<never>>>;
  readonly cases: readonly Case<Attrs>[];
  /** Cases that compile kernels of their own, left to `npm run test:all`. */
  readonly rare?: readonly Case<Attrs>[];
  readonly bench?: readonly BenchShape<Attrs>[];
  /** False if the op has no gradient. */
  readonly differentiable?: boolean;
  /** Factor on the tolerance of the dtype, with the reason in words. */
  readonly tolerance?: { readonly factor: number; readonly reason: string };
  /** Step of the central differences, if the default is unsuitable. */
  readonly step?: number;
}

export const defineCases = <Attrs = undefined>(cases: OpCases<Attrs>): OpCases<Attrs> => cases;

/** Every spelled-out input of a case. */
export const specOf = (input: Shape | InputSpec | null): InputSpec | null =>
  input === null ? null : 'shape' in input ? input : { shape: input };

/** What a case is called: its label, or the shapes of its inputs. */
export const labelOf = ({ label, inputs }: Pick<Case<never>, 'label' | 'inputs'>): string =>
  label ?? inputs.map((input) => (input ? showShape(specOf(input)!.shape) : '-')).join(' ');
