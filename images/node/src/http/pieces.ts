/** Collects the bytes of a body while it arrives. */

/** A body of up to this size, in bytes, reserves no memory. */
export const SMALL_BYTES = 16 * 1024;
/**
 * Memory for a larger body is allocated in steps of this size, in bytes: the most that one read from a socket returns.
 */
const STEP_BYTES = 64 * 1024;

/**
 * Copies arriving bytes into blocks. If each piece were kept as received, one-byte pieces would take a hundred times
 * their size in memory, which a limit on bytes would not account for.
 */
export class Pieces {
  private readonly blocks: Buffer[] = [];
  /** Free bytes at the end of the last block. */
  private free = 0;
  private allocated = 0;
  size = 0;

  /**
   * @param declared size of the whole body, if known
   * @param beforeGrowth called with the memory that the body will take; may throw
   */
  constructor(
    private readonly declared: number | undefined,
    private readonly beforeGrowth: (bytes: number) => void,
  ) {}

  add(piece: Buffer): void {
    if (this.size === 0 && piece.length === this.declared) return this.addWhole(piece);
    for (let rest = piece; rest.length > 0;) {
      if (this.free === 0) this.allocate();
      const block = this.blocks.at(-1)!;
      const copied = rest.copy(block, block.length - this.free);
      this.free -= copied;
      this.size += copied;
      rest = rest.subarray(copied);
    }
  }

  whole(): Buffer {
    const [only] = this.blocks;
    return this.blocks.length === 1 && only!.length === this.size ? only! : Buffer.concat(this.blocks, this.size);
  }

  /** The usual case needs no copy. */
  private addWhole(piece: Buffer): void {
    this.beforeGrowth(piece.length);
    this.blocks.push(piece);
    this.size = piece.length;
  }

  private allocate(): void {
    const step = this.size === 0 ? SMALL_BYTES : STEP_BYTES;
    const bytes = Math.min(step, (this.declared ?? Infinity) - this.size);
    this.beforeGrowth(this.allocated + bytes);
    this.blocks.push(Buffer.allocUnsafeSlow(bytes));
    this.allocated += bytes;
    this.free = bytes;
  }
}
