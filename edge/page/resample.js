/** Sound at one sampling rate made into sound at another, in pieces of any length, without a seam between them. */

/** Zero crossings of the filter on either side; 16 keep what speech has and stop what would alias. */
const CROSSINGS = 16;
/** Where the filter begins to close, as a part of the lower of the two Nyquist frequencies. */
const PASS = 0.92;
/** Steps of the filter's table between two samples; between steps it is interpolated. */
const STEPS = 256;

export class Resampler {
  #ratio;
  #half;
  #filter;
  #history;
  /** Where the next output sample falls, in input samples from the start of `#history`. */
  #at;

  /**
   * @param {number} from hertz
   * @param {number} to hertz
   */
  constructor(from, to) {
    this.#ratio = from / to;
    const cut = Math.min(1, to / from) * PASS;
    this.#half = Math.ceil(CROSSINGS / cut);
    this.#filter = windowedSinc(cut, this.#half);
    this.#history = new Float32Array(this.#half);
    this.#at = this.#half;
  }

  /**
   * @param {Float32Array} input
   * @returns {Float32Array} what can be told by now; it lags by the filter's half width, under a millisecond
   */
  process(input) {
    if (this.#ratio === 1) return input;
    const known = new Float32Array(this.#history.length + input.length);
    known.set(this.#history);
    known.set(input, this.#history.length);
    const output = [];
    for (; this.#at + this.#half < known.length; this.#at += this.#ratio) output.push(this.#sampleAt(known, this.#at));
    const spent = Math.max(0, Math.floor(this.#at) - this.#half);
    this.#history = known.slice(spent);
    this.#at -= spent;
    return Float32Array.from(output);
  }

  #sampleAt(known, at) {
    let sum = 0;
    const last = Math.floor(at + this.#half);
    for (let index = Math.max(0, Math.ceil(at - this.#half)); index <= last; index++) {
      const step = Math.abs(at - index) * STEPS;
      const below = Math.floor(step);
      const weight = this.#filter[below] + (this.#filter[below + 1] - this.#filter[below]) * (step - below);
      sum += known[index] * weight;
    }
    return sum;
  }
}

/** One side of a low-pass filter that passes `cut` of the input's band, in `STEPS` steps a sample. */
function windowedSinc(cut, half) {
  return Float32Array.from({ length: half * STEPS + 2 }, (_, step) => {
    const distance = step / STEPS;
    if (distance >= half) return 0;
    const x = Math.PI * cut * distance;
    const window = 0.42 + 0.5 * Math.cos((Math.PI * distance) / half) + 0.08 * Math.cos((2 * Math.PI * distance) / half);
    return cut * (x === 0 ? 1 : Math.sin(x) / x) * window;
  });
}
