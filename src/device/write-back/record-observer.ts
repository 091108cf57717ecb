/** For a tier modelled beside the log, such as zram's way of writing. */

/** Is told what comes to be on the log, and what is not needed there any more. */
export interface RecordObserver {
  /** An object was written, with so many slots. */
  placed(id: number, slots: number): void;
  dropped(id: number): void;
}
