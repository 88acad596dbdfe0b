/** @file A readable report on how a model's files were used when it was opened. docs/sq-llava.md 4.7. */
import type { PartReport, WeightsReport } from '@curio/nn';
import type { LoraConfig, ModelConfig } from '../config.ts';
import type { ModelFiles, OpenedAdapters } from './model-config.ts';

export interface LoadReport extends WeightsReport {
  /** One line for each part of the model, and one for each mismatch. */
  readonly lines: readonly string[];
}

/** A shortened list of names. */
const some = (names: readonly string[]): string =>
  names.slice(0, 3).join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '');

const lastName = (path: string): string =>
  path
    .replace(/[/\\]+$/, '')
    .replace(/^.*[/\\]/, '')
    .toLowerCase();

/** Formats the report as lines. */
export function loadReport(
  config: ModelConfig,
  { language, vision, adapter, visionAdapter, projector: file }: ModelFiles,
  adapters: OpenedAdapters,
  report: WeightsReport,
  notes: readonly string[],
): LoadReport {
  const lines: string[] = [];
  const partOf = (label: string): PartReport | undefined => report.parts.find((part) => part.label === label);
  const drawn = (scope: string): string[] => report.initialised.filter((name) => name.startsWith(scope));
  const line = (label: string, from: string, part: PartReport | undefined, more: string[]): void => {
    const told = [`${from}: ${part?.used.length ?? 0} tensors used`, ...more];
    if (part && part.unexpected.length > 0) told.push(`${part.unexpected.length} not used: ${some(part.unexpected)}`);
    lines.push(`${label}: ${told.join('; ')}`);
  };
  const counted = (names: readonly string[] | undefined, pattern: RegExp, what: string): string[] => {
    const count = names?.filter((name) => pattern.test(name)).length ?? 0;
    return count > 0 ? [`${count} ${what}`] : [];
  };

  const base = partOf('language base');
  line('language base', language.name, base, [
    ...counted(base?.ignored, /mm_projector/, 'of a foreign projector dropped'),
    ...counted(base?.ignored, /vision_tower/, 'of a foreign image tower dropped'),
    ...counted(base?.ignored, /rotary_emb/, 'rotary buffers not needed'),
  ]);
  const tower = partOf('image tower');
  line(
    'image tower',
    vision.name,
    tower,
    counted(tower?.ignored, /^/, 'after the selected block or of the text tower not needed'),
  );
  const loraLine = (label: string, scope: string, from: string, lora: LoraConfig | null): void => {
    const part = partOf(label);
    if (!part || !lora) {
      if (drawn(scope).some((name) => name.includes('lora_')))
        lines.push(`${label}: new, has no effect until it is trained`);
      return;
    }
    const b = report.loaded.filter((name) => name.startsWith(scope) && name.endsWith('lora_B.weight'));
    const zero = b.filter((name) => report.zero.includes(name)).length;
    const varied = lora.rankPattern || lora.alphaPattern ? ', others by pattern' : '';
    line(label, from, part, [
      `r ${lora.r}, alpha ${lora.alpha}${lora.rslora ? ' over √r' : ''}${varied}`,
      ...counted(part.ignored, /^/, 'of blocks that never run'),
      ...(zero === 0 ? [] : [zero === b.length ? 'all zero: no effect' : `${zero} of ${b.length} branches are zero`]),
    ]);
  };
  loraLine('language LoRA', 'language.', adapter?.name ?? '', config.languageLora);
  loraLine('image LoRA', 'vision.', adapters.vision?.file ?? visionAdapter?.name ?? '', config.visionLora);
  const projector = partOf('projector');
  if (projector) line('projector', (adapter ?? file ?? language).name, projector, [config.projector.kind]);
  else
    lines.push(
      `projector: ${config.projector.kind}, ${drawn('projector.').length} tensors initialised at random; stage 1 trains them`,
    );
  const words = drawn('language.').filter((name) => name.includes('extra_'));
  if (words.length > 0) lines.push('new words: the mean of the known rows');

  const named = adapters.main?.config.base;
  if (named && lastName(named) !== lastName(language.name))
    lines.push(
      `base: the adapter was trained on ${named} and is opened on ${language.name}; different weights give different answers`,
    );
  lines.push(...adapters.notes, ...notes);
  return { ...report, lines };
}
