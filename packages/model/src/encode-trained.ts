/** @file What training changes as the files of a folder: PEFT's layout, as `checkpoint.ts` reads it. */
import type { Parameter } from '@curio/engine';
import { encodeAdapter, encodeTensorFile } from '@curio/nn';
import type { AdapterConfig, NamedTensor, TensorFormat } from '@curio/nn';
import { EXTRA_PREFIX, PROJECTOR_PREFIX } from './checkpoint.ts';
import type { LoraConfig } from './config.ts';
import { llamaToHf } from './files/hf-config.ts';
import { llavaToHf } from './files/llava-config.ts';
import type { SqLlava } from './sq-llava.ts';

/** What a trained model's folders say of its base. */
export interface BaseNames {
  readonly language: string;
  readonly vision: string;
}

/** Everything that training changes, as the files of an adapter folder by path. */
export async function encodeTrained(
  model: SqLlava,
  base: BaseNames,
  format?: TensorFormat,
): Promise<Record<string, Uint8Array[]>> {
  const { languageLora, visionLora } = model.config;
  const lora = (scope: string): Promise<NamedTensor[]> =>
    named(
      model,
      (name) => name.startsWith(`${scope}.`) && name.includes('.lora_'),
      (name) => name.slice(scope.length + 1),
    );
  const files = configFile(model, base);
  if (languageLora) {
    const content = { config: peftConfig(languageLora, base.language), language: await lora('language') };
    Object.assign(files, encodeAdapter(content, 'main', format));
  }
  if (visionLora) {
    const content = { config: peftConfig(visionLora, base.vision), vision: await lora('vision') };
    for (const [name, chunks] of Object.entries(encodeAdapter(content, 'Vit-lora', format)))
      files[`Vit-lora/${name}`] = chunks;
  }
  const words = await named(
    model,
    (name) => name.includes('extra_'),
    (name) => EXTRA_PREFIX + name.slice('language.'.length),
  );
  const trained = [...(await projectorOf(model, PROJECTOR_PREFIX)), ...words];
  return { ...files, ...encodeTensorFile('non_lora_trainables', trained, format) };
}

/** The projector alone, as stage 1 leaves it: the files of a folder. */
export async function encodeProjector(
  model: SqLlava,
  base: BaseNames,
  format?: TensorFormat,
): Promise<Record<string, Uint8Array[]>> {
  const tensors = await projectorOf(model, 'model.mm_projector.');
  return { ...configFile(model, base), ...encodeTensorFile('mm_projector', tensors, format) };
}

function configFile({ config }: SqLlava, base: BaseNames): Record<string, Uint8Array[]> {
  const about = { ...llamaToHf(config.language), ...llavaToHf(config, base.vision), model_type: 'llava' };
  return { 'config.json': [new TextEncoder().encode(`${JSON.stringify(about, null, 2)}\n`)] };
}

const projectorOf = (model: SqLlava, prefix: string): Promise<NamedTensor[]> =>
  named(
    model,
    (name) => name.startsWith('projector.'),
    (name) => prefix + name.slice('projector.'.length),
  );

/** Bytes of parameters that are read from the device together: as much memory of its own passes them on. */
const READ_TOGETHER = 2 ** 26;

/** Parameters with their values, under other names. */
async function named(
  { parameters }: SqLlava,
  keep: (name: string) => boolean,
  rename: (name: string) => string,
): Promise<NamedTensor[]> {
  const out: NamedTensor[] = [];
  let group: Promise<NamedTensor>[] = [];
  let bytes = 0;
  for (const parameter of parameters) {
    if (!keep(parameter.name)) continue;
    group.push(toNamed(parameter, rename(parameter.name)));
    bytes += 4 * parameter.size;
    if (bytes < READ_TOGETHER) continue;
    out.push(...(await Promise.all(group)));
    [group, bytes] = [[], 0];
  }
  return [...out, ...(await Promise.all(group))];
}

const peftConfig = (lora: LoraConfig, base: string): AdapterConfig => ({ ...lora, base });

async function toNamed(parameter: Parameter, name: string): Promise<NamedTensor> {
  return { name, dtype: 'F32', shape: parameter.shape, data: (await parameter.read()) as Float32Array };
}
