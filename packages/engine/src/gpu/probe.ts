/** @file What tests ask of a device. */
export class Probe {
  /** Fill new tensors with NaN, so that an element that a kernel forgets is seen. */
  poison = false;
  /** Dense copies that ops had to make because an input's layout did not fit, by op name. */
  readonly copies = new Map<string, number>();
}
