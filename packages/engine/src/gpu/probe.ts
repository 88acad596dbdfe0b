/** @file Settings and counts of a device for tests. */
export class Probe {
  /** Fill new tensors with NaN, so that an element that a kernel does not write is noticed. */
  poison = false;
  /** Dense copies that ops had to make because an input's layout did not fit, by op name. */
  readonly copies = new Map<string, number>();
}
