/**
 * @file `adapter_config.json` as PEFT writes it, from 0.4 on. Every setting is implemented as in PEFT, known not to
 * affect the numbers, or refused; none is ignored.
 */
import { WeightError } from '@curio/engine';
import { isObject } from './json.ts';
import { shownJson } from './shown.ts';
import { endsWithName, type LoraOptions } from '../lora.ts';

export interface AdapterConfig extends LoraOptions {
  readonly targets: readonly string[];
  /** Name or path of the base model that the adapter was trained on. */
  readonly base?: string;
}

type Json = Readonly<Record<string, unknown>>;

/** Settings that describe how the adapter was made or is stored, and do not affect its numbers. */
const INERT = new Set([
  'auto_mapping',
  'inference_mode',
  'revision',
  'task_type',
  'peft_version',
  'megatron_core', // only with megatron_config
  'qalora_group_size', // only with use_qalora
  'eva_config',
  'loftq_config', // init_lora_weights says whether it changed the base
  'corda_config',
  'lora_ga_config',
  'runtime_config',
  'ensure_weight_tying',
]);

/** Settings that change the arithmetic, and how. */
const OTHER: Readonly<Record<string, string>> = {
  use_dora: 'DoRA scales each row of the sum by a magnitude',
  use_qalora: 'QALoRA pools the input of the branch',
  use_bdlora: 'BD-LoRA has block-diagonal factors',
  lora_bias: 'the branch has a bias',
  fan_in_fan_out: 'the matrices are transposed',
  modules_to_save: 'whole modules of the base are replaced',
  layer_replication: 'layers of the base are duplicated',
  trainable_token_indices: 'rows of the embedding are replaced',
  target_parameters: 'parameters outside linear layers have a pair',
  alora_invocation_tokens: 'the branch applies only after certain tokens',
  arrow_config: 'inputs are routed among several adapters',
  kasa_config: 'the base is truncated by its singular values',
  monteclora_config: 'the factors are sampled',
  velora_config: 'the gradients are compressed',
  megatron_config: 'the linears are Megatron’s',
};

/**
 * Initialisations that leave the base unchanged; others (PiSSA, OLoRA, LoftQ, CorDA, LoRA-GA) subtract a part of it.
 */
const PLAIN_INIT: readonly unknown[] = [true, false, 'gaussian', 'eva', 'orthogonal'];

const isNothing = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === false ||
  (typeof value === 'object' && Object.keys(value).length === 0);

/**
 * Reads the settings.
 * @param where the file, for errors
 * @param modules paths of the linear layers that have pairs in the file of tensors; patterns become lists of them
 * @throws WeightError for a setting that is unknown, malformed, or changes the arithmetic
 */
export function readAdapterConfig(json: unknown, where: string, modules: readonly string[]): AdapterConfig {
  if (!isObject(json))
    throw new WeightError(`${where}: it holds ${shownJson(json)}; it must be an object of PEFT's settings.`);
  const {
    peft_type: kind,
    r,
    lora_alpha: alpha,
    lora_dropout: dropout = 0,
    target_modules,
    base_model_name_or_path: base,
    use_rslora: rslora = false,
    rank_pattern,
    alpha_pattern,
    bias = 'none',
    init_lora_weights: init = true,
    exclude_modules,
    layers_to_transform,
    layers_pattern,
    ...rest
  } = json as Json;
  if (kind !== 'LORA') throw new WeightError(`${where}: peft_type is ${shownJson(kind)}; only LORA can be read.`);
  if (!(Number.isInteger(r) && (r as number) > 0))
    throw new WeightError(`${where}: r is ${shownJson(r)}; it must be a whole number above 0.`);
  if (!Number.isFinite(alpha))
    throw new WeightError(`${where}: lora_alpha is ${shownJson(alpha)}; it must be a number.`);
  if (!(typeof dropout === 'number' && dropout >= 0 && dropout < 1))
    throw new WeightError(`${where}: lora_dropout is ${shownJson(dropout)}; it must be a number from 0 up to 1.`);
  if (typeof rslora !== 'boolean')
    throw new WeightError(`${where}: use_rslora is ${shownJson(rslora)}; it must be true or false.`);
  if (bias !== 'none')
    throw new WeightError(
      `${where}: bias is ${shownJson(bias)}; only 'none' can be read, adapters of the matrices alone.`,
    );
  if (!PLAIN_INIT.includes(init))
    throw new WeightError(
      `${where}: init_lora_weights is ${shownJson(init)}, which subtracts a part of the base's matrices; convert the adapter to plain LoRA with PEFT first.`,
    );
  for (const [key, value] of Object.entries(rest)) {
    if (INERT.has(key) || isNothing(value)) continue;
    const what = Object.hasOwn(OTHER, key) ? OTHER[key] : undefined;
    throw new WeightError(
      `${where}: ${key} is ${shownJson(value)}${what ? ` (${what})` : ''}; ${what ? 'only plain LoRA can be read' : 'the setting is unknown, and so is what the adapter computes'}.`,
    );
  }
  const selection = { exclude_modules, layers_to_transform, layers_pattern };
  const pattern = (key: string, value: unknown): Record<string, number> | undefined =>
    readPattern(value, `${where}: ${key}`, modules);
  const rankPattern = pattern('rank_pattern', rank_pattern);
  const alphaPattern = pattern('alpha_pattern', alpha_pattern);
  return {
    r: r as number,
    alpha: alpha as number,
    dropout,
    targets: readTargets(target_modules, selection, where, modules),
    ...(rslora && { rslora }),
    ...(rankPattern && { rankPattern }),
    ...(alphaPattern && { alphaPattern }),
    ...(typeof base === 'string' && base !== '' && { base }),
  };
}

/** A pattern of Python's `re`; syntax that JavaScript interprets differently is refused. */
function expression(text: string, where: string, wrap: (text: string) => string): RegExp {
  try {
    if (/\(\?[^:=!<]|\\[AZ]|\(\?<[^=!]/.test(text)) throw new SyntaxError('a form that only Python has');
    // Such a pattern can take practically forever to reject a name.
    if (/\([^()]*[*+{][^()]*\)[*+{]/.test(text)) throw new SyntaxError('nested repetition');
    return new RegExp(wrap(text));
  } catch (cause) {
    throw new WeightError(
      `${where}: the pattern ${shownJson(text)} cannot be read (${(cause as Error).message}); list the names.`,
      { cause },
    );
  }
}

/** Path suffixes → numbers. Keys that are patterns are matched against the modules, as in PEFT. */
function readPattern(value: unknown, where: string, modules: readonly string[]): Record<string, number> | undefined {
  if (isNothing(value)) return undefined;
  if (typeof value !== 'object' || Array.isArray(value))
    throw new WeightError(`${where} is ${shownJson(value)}; it must be an object from module names to numbers.`);
  const out: Record<string, number> = {};
  for (const [key, number] of Object.entries(value as Json)) {
    if (!(typeof number === 'number' && Number.isFinite(number)))
      throw new WeightError(`${where}: '${key}' is ${shownJson(number)}; it must be a number.`);
    const plain = /^[\w.]+$/.test(key);
    const matcher = plain ? null : expression(key, where, (text) => `^(?:.*\\.)?(?:${text})$`);
    for (const name of matcher ? modules.filter((module) => matcher.test(module)) : [key]) out[name] ??= number;
  }
  return out;
}

/**
 * The linear layers that have a pair. A list of names stays a list; a pattern, or a selection of layers, becomes the
 * list of module paths that it matches.
 */
function readTargets(
  value: unknown,
  { exclude_modules: exclude, layers_to_transform: layers, layers_pattern: pattern }: Json,
  where: string,
  modules: readonly string[],
): readonly string[] {
  const list = isNames(value);
  if (!list && typeof value !== 'string')
    throw new WeightError(`${where}: target_modules is ${shownJson(value)}; it must be a list of names, or a pattern.`);
  // `all-linear` excludes the head, which never has a pair that we can read.
  if (!list && value.toLowerCase() === 'all-linear') return namesOf(modules);
  if (list && isNothing(exclude) && isNothing(layers)) return value;
  const matches = nameMatcher(value, `${where}: target_modules`);
  const excluded = isNothing(exclude) ? () => false : nameMatcher(exclude, `${where}: exclude_modules`);
  const inLayer = list && !isNothing(layers) ? layerMatcher(layers, pattern, where) : () => true;
  return modules.filter((module) => matches(module) && !excluded(module) && inLayer(module));
}

const isNames = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((name) => typeof name === 'string');

const namesOf = (modules: readonly string[]): string[] => [
  ...new Set(modules.map((module) => module.slice(module.lastIndexOf('.') + 1))),
];

/** Names are suffixes of a path; a string is a pattern for the whole path. */
function nameMatcher(value: unknown, where: string): (module: string) => boolean {
  if (isNames(value)) return (module) => value.some((name) => endsWithName(module, name));
  if (typeof value !== 'string')
    throw new WeightError(`${where} is ${shownJson(value)}; it must be a list of names, or a pattern.`);
  const whole = expression(value, where, (text) => `^(?:${text})$`);
  return (module) => whole.test(module);
}

function layerMatcher(layers: unknown, pattern: unknown, where: string): (module: string) => boolean {
  const wanted = Array.isArray(layers) ? layers : [layers];
  if (!wanted.every(Number.isInteger))
    throw new WeightError(
      `${where}: layers_to_transform is ${shownJson(layers)}; it must be a layer or a list of layers.`,
    );
  const names = isNothing(pattern) || pattern === '' ? ['[^.]*'] : Array.isArray(pattern) ? pattern : [pattern];
  const matchers = names.map((name) =>
    expression(String(name), `${where}: layers_pattern`, (text) => `(?:^|\\.)${text}\\.(\\d+)\\.`),
  );
  return (module) => matchers.some((matcher) => wanted.includes(Number(matcher.exec(module)?.[1] ?? NaN)));
}
