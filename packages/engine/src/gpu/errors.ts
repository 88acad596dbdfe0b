/** @file Typed errors. Each message is one sentence: `where: what is wrong, with both values; what would be right.` */

export class CurioError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A shape, axis or size does not fit. */
export class ShapeError extends CurioError {}
/** An element type does not fit. */
export class DTypeError extends CurioError {}
/** No adapter, a lost device, or not enough memory. */
export class DeviceError extends CurioError {}
/** A kernel does not compile, or WebGPU refused a dispatch. */
export class KernelError extends CurioError {}
/** A weight file or a named tensor in it is wrong. */
export class WeightError extends CurioError {}
/** A configuration value is wrong. */
export class ConfigError extends CurioError {}
/** Training data is wrong. */
export class DataError extends CurioError {}
/** Training stopped because a number is not finite. */
export class TrainError extends CurioError {}
