export { philox4x32, RandomStream, unitFloat } from './tensor/philox.ts';
export { ConfigError, CurioError, DataError, DeviceError, DTypeError, KernelError, ShapeError, WeightError } from './gpu/errors.ts';
export { Parameter } from './tensor/parameter.ts';
