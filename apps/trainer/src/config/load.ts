/** @file Merges a preset, a file and overrides into one checked configuration. Every error is one sentence. */
import { existsSync } from 'node:fs';
import { ConfigError, suggestName } from '@curio/engine';
import {
  checkModelSizes,
  PRESETS,
  presetTrainable,
  publishedRule,
  type ModelConfig,
  type PresetName,
} from '@curio/model';
import { isObject } from '@curio/nn';
import { parse as parseYaml } from 'yaml';
import type { z } from 'zod';
import { FileError } from '../disk/system-error.ts';
import { readText } from '../run/files.ts';
import { RUN_PRESETS } from './presets.ts';
import { runConfigSchema, type RunConfig } from './schema.ts';

type Json = Record<string, unknown>;
export type Override = readonly [path: string, text: string];

export interface ConfigSources {
  /** Preset to start from, over that of the file. Default: the file's, else small. */
  readonly preset?: string;
  /** A JSON or YAML file with the keys that differ from the preset. */
  readonly file?: string;
  readonly overrides?: readonly Override[];
  /** Keys that a model's folders set; a file and overrides take precedence. */
  readonly folders?: Pick<RunConfig, 'base' | 'model'>;
  /** Allows the data to be missing, for a dry run. */
  readonly withoutData?: boolean;
}

/**
 * @throws ConfigError for an unknown preset or key, a value of the wrong type or range, a file that is missing or
 * malformed.
 */
export function loadConfig({ preset, file, overrides = [], folders, withoutData = false }: ConfigSources): RunConfig {
  const fromFile = file === undefined ? {} : readConfigFile(file);
  const name = presetOf({ preset, file, overrides });
  const merged = structuredClone(RUN_PRESETS[name]) as unknown as Json;
  if (folders) Object.assign(merged, folders);
  merge(merged, { ...fromFile, preset: name });
  const ofModel = overrides.filter(([path]) => path.split('.')[0] === 'model');
  for (const [path, text] of ofModel) applyOverride(merged, path, text);
  fitTrainable(name, merged, fromFile);
  for (const [path, text] of overrides)
    if (path !== 'preset' && path.split('.')[0] !== 'model') applyOverride(merged, path, text);
  return checkConfig(merged, withoutData);
}

/** The preset that the sources name. @throws ConfigError for an unknown one */
export function presetOf({ preset, file, overrides = [] }: ConfigSources): PresetName {
  const fromFile = file === undefined ? {} : readConfigFile(file);
  const name = preset ?? overrides.find(([path]) => path === 'preset')?.[1] ?? String(fromFile.preset ?? 'small');
  if (!Object.hasOwn(PRESETS, name))
    throw new ConfigError(`config: unknown preset '${name}'; the presets are ${Object.keys(PRESETS).join(', ')}.`);
  return name as PresetName;
}

/**
 * Sets what stage 2 trains to the preset's choice for this model, which a file or an override may have changed, unless
 * the file lists it.
 */
function fitTrainable(name: PresetName, merged: Json, fromFile: Json): void {
  const stage2 = (config: Json): unknown => (isObject(config.train) ? config.train.stage2 : undefined);
  const [target, given] = [stage2(merged), stage2(fromFile)];
  if (!isObject(merged.model) || !isObject(target) || (isObject(given) && 'trainable' in given)) return;
  target.trainable = structuredClone(presetTrainable(name, merged.model as unknown as ModelConfig));
}

/** Checks a complete configuration, such as one saved by a run. */
export function checkConfig(config: unknown, withoutData = false): RunConfig {
  const checked = runConfigSchema.safeParse(config);
  if (!checked.success) throw new ConfigError(explain(checked.error.issues, config));
  checkModelSizes(checked.data.model);
  for (const name of ['stage1', 'stage2'] as const)
    publishedRule(checked.data.model, checked.data.train, checked.data.train[name]);
  const { data } = checked.data;
  if (data.scenes === null && data.withheldPairs)
    throw new ConfigError(
      `config: data.withheldPairs is ${data.withheldPairs} and there are no embedded scenes (data.scenes is null); leave it out.`,
    );
  const missing =
    !withoutData && data.scenes === null && (['stage1', 'stage2'] as const).find((key) => data[key] === null);
  if (missing)
    throw new ConfigError(
      `config: data.${missing} is not set; give the path of your data, or use a preset with the embedded scenes (small, quick).`,
    );
  return checked.data;
}

/** Any fault of the file is wrong usage, so it becomes a ConfigError. */
function readConfigText(file: string): string {
  try {
    return readText(file, 'config');
  } catch (error) {
    throw error instanceof FileError ? new ConfigError(error.message, { cause: error }) : error;
  }
}

function readConfigFile(file: string): Json {
  if (!existsSync(file)) throw new ConfigError(`config: ${file} not found.`);
  const text = readConfigText(file);
  const isJson = file.endsWith('.json');
  let parsed: unknown;
  try {
    parsed = isJson ? JSON.parse(text) : parseYaml(text);
  } catch (cause) {
    throw new ConfigError(
      `config: ${file}: not ${isJson ? 'JSON' : 'YAML'} (${(cause as Error).message.split('\n')[0]}).`,
      { cause },
    );
  }
  if (!isObject(parsed))
    throw new ConfigError(`config: ${file}: it is not an object; write keys such as train: { lr: 1e-4 }.`);
  return parsed;
}

/** Merges `change` into `target`. Lists are replaced, and so are objects of another `kind`, whose keys differ. */
function merge(target: Json, change: Json): void {
  for (const [key, value] of Object.entries(change)) {
    const old = target[key];
    if (isObject(value) && isObject(old) && (value.kind === undefined || value.kind === old.kind)) merge(old, value);
    else target[key] = value;
  }
}

/** Sets one key. The text stays text if the old value is text; otherwise it is parsed as YAML. */
function applyOverride(config: Json, path: string, text: string): void {
  const keys = path.split('.');
  const last = keys.pop()!;
  let at: unknown = config;
  for (const key of keys) at = (at as Json | null)?.[key];
  if (typeof at !== 'object' || at === null || !Object.hasOwn(at, last)) throw new ConfigError(unknownKey(path));
  const holder = at as Json;
  holder[last] = typeof holder[last] === 'string' ? text : parseYaml(text);
}

/**
 * Overrides among the words of a command line: `--train.lr=1e-4` or `--train.lr 1e-4`.
 * @throws ConfigError for a word that is none of them
 */
export function parseOverrides(words: readonly string[]): Override[] {
  const out: Override[] = [];
  for (let i = 0; i < words.length; i++) {
    const match = /^--([\w-]+(?:\.[\w-]+)*)(?:=(.*))?$/s.exec(words[i]);
    if (!match)
      throw new ConfigError(`config: '${words[i]}' is not an override; write --key=value, such as --train.lr=1e-4.`);
    const text = match[2] ?? words[++i];
    if (text === undefined) throw new ConfigError(`config: --${match[1]} has no value; write --${match[1]}=value.`);
    out.push([match[1], text]);
  }
  return out;
}

type Issue = z.core.$ZodIssue;

/** Describes one error: an unknown key if there is one, since it often explains the rest. */
function explain(issues: readonly Issue[], config: unknown): string {
  const unknown = issues.find((issue) => issue.code === 'unrecognized_keys');
  if (unknown?.code === 'unrecognized_keys') return unknownKey([...unknown.path, unknown.keys[0]].join('.'));
  const issue = issues[0];
  const value = issue.path.reduce<unknown>(
    (at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key],
    config,
  );
  return `config: ${issue.path.join('.') || 'the configuration'} is ${value === undefined ? 'missing' : JSON.stringify(value)}; it must be ${expectation(issue)}.`;
}

function expectation(issue: Issue): string {
  const nouns: Record<string, string> = {
    int: 'a whole number',
    number: 'a number',
    string: 'text',
    object: 'an object',
    array: 'a list',
    tuple: 'a list',
    boolean: 'true or false',
  };
  if (issue.code === 'invalid_type') return nouns[issue.expected] ?? issue.expected;
  if (issue.code === 'invalid_value') return `one of ${issue.values.join(', ')}`;
  if (issue.code === 'invalid_union') return `one of ${((issue as { options?: unknown[] }).options ?? []).join(', ')}`;
  const things =
    (issue.code === 'too_small' || issue.code === 'too_big') && issue.origin === 'array' ? 'a list of ' : '';
  if (issue.code === 'too_small') return `${things}${issue.inclusive ? 'at least' : 'above'} ${issue.minimum}`;
  if (issue.code === 'too_big') return `${things}${issue.inclusive ? 'at most' : 'below'} ${issue.maximum}`;
  return issue.message;
}

/** Names used by other trainers. */
const SYNONYMS: Record<string, string> = {
  learningrate: 'lr',
  batchsize: 'batch',
  globalbatchsize: 'batch',
  maxsteps: 'steps',
  numsteps: 'steps',
  warmupratio: 'warmup',
  rank: 'r',
  loraalpha: 'alpha',
  loradropout: 'dropout',
  maxgradnorm: 'clip',
  gradclip: 'clip',
  gradientaccumulation: 'accumulate',
  gradientaccumulationsteps: 'accumulate',
  modelmaxlength: 'maxLength',
  targetmodules: 'targets',
};

const keyPaths = (object: Json, before = ''): string[] =>
  Object.entries(object).flatMap(([key, value]) => [
    before + key,
    ...(isObject(value) ? keyPaths(value, `${before}${key}.`) : []),
  ]);

function unknownKey(path: string): string {
  const known = keyPaths(RUN_PRESETS.small as unknown as Json); // nothing in it is null, so it has every key
  if (known.includes(path))
    return `config: ${path} cannot be set: ${path.slice(0, path.lastIndexOf('.'))} is null or of another kind in this configuration.`;
  const suggestion = suggest(path, known);
  return suggestion
    ? `config: unknown key ${path}; did you mean ${suggestion}?`
    : `config: unknown key ${path}; the top-level keys are ${Object.keys(RUN_PRESETS.small).join(', ')}.`;
}

/** The most likely key: a synonym or a similar name under the same parent, else the same or a similar one anywhere. */
function suggest(path: string, known: readonly string[]): string | undefined {
  const cut = path.lastIndexOf('.');
  const parent = path.slice(0, cut + 1);
  const word = path.slice(cut + 1);
  const synonym = SYNONYMS[word.replaceAll(/[_-]/g, '').toLowerCase()] ?? word;
  if (known.includes(parent + synonym)) return parent + synonym;
  const siblings = known.filter(
    (candidate) => candidate.startsWith(parent) && !candidate.slice(parent.length).includes('.'),
  );
  const sibling = suggestName(
    word,
    siblings.map((candidate) => candidate.slice(parent.length)),
  );
  if (sibling !== undefined) return parent + sibling;
  return known.find((candidate) => candidate.endsWith(`.${synonym}`)) ?? suggestName(path, known);
}
