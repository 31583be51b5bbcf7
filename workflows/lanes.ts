/** Lanes in which work goes on side by side; how many there are may change at any time. */
export class Lanes {
  #width: number;
  #fill: () => void = () => undefined;

  constructor(width: number) {
    this.#width = width;
  }

  /** Fewer lanes let what is in them go on to its end; with none, nothing new is begun until there are some again. */
  set width(width: number) {
    this.#width = width;
    this.#fill();
  }

  /** Runs `work` on each item, in order of the items; stops taking items when `more` says no. */
  async run<T>(items: Iterator<T>, work: (item: T) => Promise<void>, more: () => boolean = () => true): Promise<void> {
    let running = 0;
    let isOver = false;
    await new Promise<void>((resolve, reject) => {
      this.#fill = () => {
        while (!isOver && running < this.#width) {
          const next = more() ? items.next() : { done: true as const, value: undefined };
          if (next.done === true) {
            isOver = true;
            break;
          }
          running += 1;
          work(next.value).then(
            () => {
              running -= 1;
              this.#fill();
            },
            (error: Error) => {
              isOver = true;
              reject(error);
            },
          );
        }
        if (isOver && running === 0) resolve();
      };
      this.#fill();
    });
  }
}

/** Runs `work` on each item, at most `width` at once, in order of the items. */
export async function inLanes<T>(items: Iterator<T>, width: number, work: (item: T) => Promise<void>): Promise<void> {
  await new Lanes(width).run(items, work);
}
