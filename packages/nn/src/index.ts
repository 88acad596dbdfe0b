export { Attention, type AttentionContext, type AttentionOptions } from './attention.ts';
export type { AttentionTrace } from './attention-trace.ts';
export { Embedding } from './embedding.ts';
export { hashName, init, type Initializer } from './init.ts';
export { KvCache, type KvCacheOptions } from './kv-cache.ts';
export { Linear, type LinearOptions } from './linear.ts';
export { endsWithName, loraOf, type LoraBranch, type LoraOptions } from './lora.ts';
export { mergeLora } from './merge-lora.ts';
export { quantisedTensor } from './export/quantised-tensor.ts';
export { QUANTISED_STORAGES, quantisedMetadata, type QuantisedStorage } from './files/quantised.ts';
export { mergedTensor, type StoredBranch } from './export/merged-tensor.ts';
export { shardSafetensors, streamSafetensors, type ShardOptions } from './export/safetensors-shards.ts';
export { streamGguf, type GgufSettings, type GgufValue } from './export/gguf.ts';
export {
  ggufTensor,
  neighbouringPairs,
  quantisedQ8,
  type GgufTensor,
  type GgufType,
} from './export/gguf-tensor.ts';
export { encodeTensorFile, TENSOR_FORMATS, type TensorFormat } from './export/tensor-formats.ts';
export {
  copiedFile,
  isZero,
  recoded,
  textFile,
  unchanged,
  type FloatDType,
  type StreamedFile,
  type StreamedTensor,
} from './export/streamed.ts';
export { GatedMlp, Mlp, type MlpOptions } from './mlp.ts';
export { MlpProjector } from './mlp-projector.ts';
export { runBlock, type Mode } from './mode.ts';
export { LayerNorm, RmsNorm } from './norm.ts';
export { PaperProjector } from './paper-projector.ts';
export {
  adapterName,
  openAdapter,
  projectorTensors,
  type Adapter,
} from './files/peft.ts';
export { encodeAdapter, type AdapterContent } from './export/adapter-folder.ts';
export {
  blobSource,
  handleSource,
  httpFolder,
  openHttpSource,
  type BlobLike,
  type FetchBytes,
  type FetchedBytes,
  type HttpOptions,
  type SyncHandle,
} from './files/byte-sources.ts';
export type { AdapterConfig } from './files/peft-config.ts';
export { isObject } from './files/json.ts';
export { readJsonFile, readJsonSource } from './files/json-file.ts';
export { floatToHalf } from './files/half.ts';
export { shownJson, shownText, shownValue } from './files/shown.ts';
export { PrototypeProjector, type PrototypeProjectorOptions, type ProjectorSizes } from './prototype-projector.ts';
export { encodeSafetensors, joinBytes, openSafetensors, type Safetensors } from './files/safetensors.ts';
export {
  BYTES,
  decodeFloats,
  elements,
  encodeFloats,
  memorySource,
  type ByteFolder,
  type ByteSource,
  type NamedTensor,
  type StoredDType,
  type StoredTensor,
  type TensorMap,
} from './files/tensor-file.ts';
export { openTorchFile } from './files/torch-pickle.ts';
export { openTensorFile, openWeightFile, openWeightFolder } from './files/weight-folder.ts';
export {
  BASE_STORAGES,
  dtypeOf,
  Weights,
  type BaseStorage,
  type PartReport,
  type WeightPart,
  type WeightsOptions,
  type WeightsReport,
} from './weights.ts';
