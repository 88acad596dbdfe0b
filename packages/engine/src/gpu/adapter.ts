/** @file What the adapter can do, in plain data. */
import { costsOf } from './costs.ts';
import type { Costs } from './costs.ts';

export interface AdapterReport {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** Runs on the CPU: Lavapipe, SwiftShader, WARP. */
  readonly isSoftware: boolean;
  /** What is expensive on it; kernels are selected by this. */
  readonly costs: Costs;
  /** Smallest and largest subgroup size that a kernel may meet; null without the feature. */
  readonly subgroupSize: { readonly min: number; readonly max: number } | null;
  /** What the matrix units multiply, f16 operands with sums in f32: A[M, K]·B[K, N]; null without them. */
  readonly subgroupMatrix: MatrixUnit | null;
  /** Every supported configuration, as Dawn lists it. */
  readonly matrixConfigurations: readonly MatrixConfiguration[];
  readonly features: readonly string[];
  readonly languageFeatures: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

export interface MatrixUnit {
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

export interface MatrixConfiguration extends MatrixUnit {
  readonly componentType: string;
  readonly resultComponentType: string;
}

/** Lets a kernel fix its subgroup size, `@subgroup_size(n)`, where the size varies; not in the types yet. */
export const SUBGROUP_SIZE_CONTROL = 'subgroup-size-control';
/** Dawn's name; experimental, and not in the types of WebGPU. */
export const SUBGROUP_MATRIX = 'chromium-experimental-subgroup-matrix';

const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupsPerDimension',
  'maxTextureDimension2D',
] as const;

/** Limits requested above the portable floor. */
export function limitsOf(limits: GPUSupportedLimits): Record<string, number> {
  const all: Record<string, number> = {};
  for (const name of LIMITS) all[name] = limits[name];
  return all;
}

/** Describes `device`, which may offer less than its adapter (the portable floor). */
export function reportAdapter(gpu: GPU, adapter: GPUAdapter, device: GPUDevice): AdapterReport {
  const info = adapter.info;
  const words = `${info.vendor} ${info.architecture} ${info.description} ${info.device}`.toLowerCase();
  const software = info.isFallbackAdapter || /llvmpipe|lavapipe|swiftshader|software|\bwarp\b|basic render/.test(words);
  const configurations = device.features.has(SUBGROUP_MATRIX as GPUFeatureName) ? configurationsOf(info) : [];
  const hasSubgroups = device.features.has('subgroups' as GPUFeatureName);
  return {
    vendor: info.vendor,
    architecture: info.architecture,
    device: info.device,
    description: info.description,
    isSoftware: software,
    costs: costsOf(software),
    subgroupSize: hasSubgroups ? { min: info.subgroupMinSize, max: info.subgroupMaxSize } : null,
    subgroupMatrix: matrixUnitOf(configurations),
    matrixConfigurations: configurations,
    features: [...device.features].sort(),
    languageFeatures: [...gpu.wgslLanguageFeatures].sort(),
    limits: limitsOf(device.limits),
  };
}

function configurationsOf(info: GPUAdapterInfo): MatrixConfiguration[] {
  const { subgroupMatrixConfigs = [] } = info as unknown as { subgroupMatrixConfigs?: Iterable<MatrixConfiguration> };
  return [...subgroupMatrixConfigs].map(({ M, N, K, componentType, resultComponentType }) => ({
    M,
    N,
    K,
    componentType,
    resultComponentType,
  }));
}

/** The largest that the kernel is written for. */
function matrixUnitOf(configurations: readonly MatrixConfiguration[]): MatrixUnit | null {
  const sizes = [8, 16];
  const [largest] = configurations
    .filter(
      ({ componentType, resultComponentType, M, N, K }) =>
        componentType === 'f16' && resultComponentType === 'f32' && [M, N, K].every((size) => sizes.includes(size)),
    )
    .map(({ M, N, K }) => ({ M, N, K }))
    .sort((a, b) => b.M * b.N * b.K - a.M * a.N * a.K);
  return largest ?? null;
}
