/** What both sides sounded like, for the person to keep: it stays in the browser. */

import { SAMPLE_RATE } from "./protocol.js";
import { toInt16, wavHeader } from "./wav.js";

const LIMIT_S = 30 * 60;
const CHUNK_S = 10;

export class Recording {
  #limit;
  /** Whole chunks as blobs, which a browser may keep on disk: half an hour is 170 MB. @type {Blob[]} */
  #chunks = [];
  #open = new Int16Array(2 * CHUNK_S * SAMPLE_RATE);
  #frames = 0;
  #elapsed = 0;

  constructor(limitSeconds = LIMIT_S) {
    this.#limit = limitSeconds * SAMPLE_RATE;
  }

  /** How long the conversation has been going on, in seconds; it goes on counting where the recording is full. */
  get elapsed() {
    return this.#elapsed / SAMPLE_RATE;
  }

  /** How much is kept, in seconds. */
  get seconds() {
    return this.#frames / SAMPLE_RATE;
  }

  get isFull() {
    return this.#frames >= this.#limit;
  }

  get limitMinutes() {
    return this.#limit / SAMPLE_RATE / 60;
  }

  /**
   * Add what sounded at the same time.
   *
   * @param {Float32Array} person
   * @param {Float32Array} replies as they were really played, as long as `person`
   */
  add(person, replies) {
    this.#elapsed += person.length;
    for (let i = 0; i < person.length && !this.isFull; i++) {
      const at = 2 * (this.#frames % (CHUNK_S * SAMPLE_RATE));
      this.#open[at] = toInt16(person[i]);
      this.#open[at + 1] = toInt16(replies[i]);
      this.#frames++;
      if (at + 2 === this.#open.length) this.#chunks.push(new Blob([this.#open]));
    }
  }

  /** A stereo WAV: the person left, the replies right. */
  wav() {
    const rest = this.#open.subarray(0, 2 * (this.#frames % (CHUNK_S * SAMPLE_RATE)));
    const header = wavHeader(this.#frames, { rate: SAMPLE_RATE, channels: 2 });
    return new Blob([header, ...this.#chunks, rest], { type: "audio/wav" });
  }
}
