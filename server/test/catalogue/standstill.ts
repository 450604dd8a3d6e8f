/**
 * The harshest schedule: no transaction commits while another one can still move. So each has read all that it may read
 * before the others' commits, whatever the machine is busy with, and a test of a race fails each time or never.
 */
export class Standstill {
  /** How many backends wait for a lock just now. */
  readonly #blocked: () => Promise<number>;
  readonly #ready: (() => void)[] = [];
  #begun = 0;
  #ended = 0;
  #isOpen = false;
  #isLooking = false;

  constructor(blocked: () => Promise<number>) {
    this.#blocked = blocked;
  }

  begin(): void {
    this.#begun += 1;
  }

  end(): void {
    this.#ended += 1;
  }

  /** Resolves when this transaction may commit: nothing else moves, and it is its turn. */
  beforeCommit(): Promise<void> {
    return new Promise((resolve) => {
      this.#ready.push(resolve);
      void this.#letGo();
    });
  }

  /** Resolves when so many have begun and none can move: each waits for a lock or for its commit, or has ended. */
  async reached(begun: number): Promise<void> {
    while (this.#begun < begun || (await this.#canMove())) await aMoment();
  }

  /** From now on they commit. */
  open(): void {
    this.#isOpen = true;
    void this.#letGo();
  }

  async #letGo(): Promise<void> {
    if (!this.#isOpen || this.#isLooking) return;
    this.#isLooking = true;
    while (this.#ready.length > 0) {
      const ended = this.#ended;
      if (await this.#canMove()) {
        await aMoment();
        continue;
      }
      this.#ready.shift()?.();
      // Its commit, and what that unblocks, come first.
      while (this.#ended === ended) await aMoment();
    }
    this.#isLooking = false;
  }

  async #canMove(): Promise<boolean> {
    const before = this.#begun - this.#ended - this.#ready.length;
    const blocked = await this.#blocked();
    const after = this.#begun - this.#ended - this.#ready.length;
    return before > blocked || after > blocked;
  }
}

/** Between two looks, so that looking does not take the time that those need who move. */
function aMoment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}
