/** Waits for a time or a call, whichever is first. A call made while nobody waits is remembered. */
export class Wakeup {
  #called = false;
  #resolve: (() => void) | null = null;

  wake(): void {
    this.#called = true;
    this.#resolve?.();
  }

  /** One waiter at a time. */
  async wait(ms: number): Promise<void> {
    if (!this.#called) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
        timer = setTimeout(resolve, ms);
      });
      clearTimeout(timer);
      this.#resolve = null;
    }
    this.#called = false;
  }
}
