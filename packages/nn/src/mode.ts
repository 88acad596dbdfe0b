/** Whether dropout is on. One object is shared by all layers of a model; layers read it at each call. */
export interface Mode { training: boolean }
