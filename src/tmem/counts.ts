/** What is counted of a pool; a client's and the whole's are sums of it, closed pools included. */

export class Counts {
  /** Pages held, and those of them that are same-filled. */
  pages = 0;
  samePages = 0;
  /** Since the start. */
  puts = 0;
  putsRefused = 0;
  gets = 0;
  hits = 0;
  flushes = 0;
  dropped = 0;

  add(other: Counts): void {
    this.pages += other.pages;
    this.samePages += other.samePages;
    this.puts += other.puts;
    this.putsRefused += other.putsRefused;
    this.gets += other.gets;
    this.hits += other.hits;
    this.flushes += other.flushes;
    this.dropped += other.dropped;
  }
}
