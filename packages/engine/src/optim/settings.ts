/** @file Checks an optimizer's settings: each number in its range, each parameter a Parameter. */
import { ConfigError, DTypeError } from '../gpu/errors.ts';
import { Parameter } from '../tensor/parameter.ts';
import { Tensor } from '../tensor/tensor.ts';
import { show } from '../tensor/host-values.ts';
import { MOMENT_STORAGES } from './moments.ts';

interface Settings {
  readonly groups?: readonly (readonly [pattern: string, lrFactor: number])[];
  readonly lr?: number;
  readonly betas?: readonly [number, number];
  readonly eps?: number;
  readonly weightDecay?: number;
  readonly maxGradNorm?: number;
  readonly moments?: unknown;
}

/** Throws ConfigError unless `value` is finite and at least 0: NaN would make NaN of every weight. */
export function requireAtLeast0(where: string, what: string, value: unknown): void {
  if (typeof value !== 'number' || !(value >= 0 && value < Infinity))
    throw new ConfigError(`${where}: ${what} is ${show(value)}; it must be a finite number of at least 0.`);
}

/** Throws ConfigError for a setting out of its range, DTypeError for anything but a list of parameters. */
export function checkSettings(
  parameters: unknown,
  { groups = [], lr = 0, betas = [0, 0], eps = 0, weightDecay = 0, maxGradNorm = 0, moments = 'f32' }: Settings = {},
): void {
  if (!Array.isArray(parameters))
    throw new DTypeError(
      `adamw: the parameters are ${parameters instanceof Tensor ? 'one tensor' : show(parameters)}; they must be a list of Parameters.`,
    );
  parameters.forEach((each: unknown, i) => {
    if (each instanceof Parameter) return;
    const remedy =
      each instanceof Tensor
        ? "make it with new Parameter(gpu, 'its name', shape, values)"
        : 'it must be a Parameter, which has a name';
    throw new DTypeError(
      `adamw: parameter ${i} is ${each instanceof Tensor ? 'a tensor without a name' : show(each)}; ${remedy}.`,
    );
  });
  if (!Array.isArray(groups) || !groups.every((group) => Array.isArray(group) && typeof group[0] === 'string'))
    throw new ConfigError(
      `adamw: groups is ${Array.isArray(groups) ? JSON.stringify(groups) : show(groups)}; it must be a list of [pattern, factor], such as [['weight', 1]].`,
    );
  for (const [pattern, factor] of groups) requireAtLeast0('adamw', `the factor of '${pattern}'`, factor);
  for (const [name, value] of Object.entries({ lr, eps, weightDecay, maxGradNorm }))
    requireAtLeast0('adamw', name, value);
  if (!Array.isArray(betas) || betas.length !== 2)
    throw new ConfigError(`adamw: betas is ${show(betas)}; it must be two numbers, such as [0.9, 0.999].`);
  betas.forEach((beta, i) => {
    if (!(typeof beta === 'number' && beta >= 0 && beta < 1))
      throw new ConfigError(`adamw: betas[${i}] is ${show(beta)}; it must be at least 0 and below 1.`);
  });
  if (!MOMENT_STORAGES.some((storage) => storage === moments))
    throw new ConfigError(`adamw: moments is ${show(moments)}; it must be one of ${MOMENT_STORAGES.join(', ')}.`);
}
