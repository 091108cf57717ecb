/**
 * What `pagefold analyze --unit` finds, within the result of the analysis: the same pages, compressed in units of one
 * page and more. Sizes are bytes, times microseconds.
 */

/** The units of one size, before any codec: same_filled + duplicate + unique = units. */
export interface UnitCounts {
  readonly unit_bytes: number;
  readonly units: number;
  /** All 8-byte words of the unit are equal: no codec sees it. */
  readonly same_filled: number;
  /** Equal, byte by byte, to an earlier unit. */
  readonly duplicate: number;
  readonly unique: number;
  /** Pages of a last unit they do not fill, else 0; it counts as a unit and is compressed as short as it is. */
  readonly short_pages: number;
}

/**
 * One codec over all units of one size but the same-filled ones, duplicates included. A ratio or figure is null where
 * there was nothing to divide.
 */
export interface UnitResult {
  readonly unit_bytes: number;
  readonly compr_data_size: number;
  /** Each unit as its whole pages and the rest in a place of its class of zsmalloc, in zspages that are full. */
  readonly placed_data_size: number;
  /** The same with equal units stored once. */
  readonly shared_data_size: number;
  /** placed_data_size, and what is free in zspages that are not full: with few units, most of the difference. */
  readonly mem_used_total: number;
  /** Units stored raw. */
  readonly huge_units: number;
  /** 4096 x pages_compressed / compr_data_size: the same pages at every size of unit. */
  readonly ratio: number | null;
  /** By placed_data_size. */
  readonly ratio_placed: number | null;
  /** By shared_data_size. */
  readonly ratio_shared: number | null;
  readonly compress_us_per_page: number | null;
  /** One page of a unit is wanted: the whole unit is decoded, the page copied out. */
  readonly random_read_us_per_page: number | null;
  /** All pages of a unit are wanted: it is decoded once. */
  readonly ordered_read_us_per_page: number | null;
  /** Decoded by a random read beside the page that was wanted. */
  readonly random_read_vain_bytes: number | null;
  /** Stored bytes a random read takes from where they lie: the unit's, or a page's of a unit stored raw. */
  readonly random_read_stored_bytes: number | null;
  /** The same for a page read in order. */
  readonly ordered_read_stored_bytes: number | null;
}

/** What larger units of compression would do. */
export interface UnitsResult {
  /** Pages that are not same-filled, which all ratios are of. */
  readonly pages_compressed: number;
  /** Ascending by unit_bytes. */
  readonly sizes: readonly UnitCounts[];
  /** As in the analysis; the units of each as in `sizes`. */
  readonly codecs: readonly { readonly name: string; readonly units: readonly UnitResult[] }[];
}
