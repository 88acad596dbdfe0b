/** @file The two formats of files of tensors, chosen by name. */
import { encodeSafetensors } from '../files/safetensors.ts';
import type { NamedTensor } from '../files/tensor-file.ts';
import { encodeTorchFile } from './torch-file.ts';

/** `bin` is PyTorch's, as the published SQ-LLaVA is. */
export const TENSOR_FORMATS = ['safetensors', 'bin'] as const;
export type TensorFormat = (typeof TENSOR_FORMATS)[number];

/** `<stem>.safetensors` or `<stem>.bin` with its chunks. */
export const encodeTensorFile = (
  stem: string,
  tensors: readonly NamedTensor[],
  format: TensorFormat = 'safetensors',
): Record<string, Uint8Array[]> => ({
  [`${stem}.${format}`]: format === 'bin' ? encodeTorchFile(stem, tensors) : encodeSafetensors(tensors),
});
