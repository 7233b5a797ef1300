/**
 * How far a reply has really been played, and when the server is told: it remembers of an answer that is cut short what
 * was heard, and would otherwise have to take it from the clock.
 *
 * Time comes in blocks of the audio thread, 20 ms each, so that there is no timer to drift. When the audio thread stands
 * still itself, `stalled` takes the place of blocks.
 */

import { SAMPLE_RATE } from "./protocol.js";

/** Blocks from one report to the next while a reply is being played: 100 ms, */
const PLAYING_BLOCKS = 5;
/** and while it stands still: 240 ms. The server believes for a second that it does. */
const PAUSED_BLOCKS = 12;
const BLOCK_S = 0.02;
/** The longest delay of a loudspeaker that is reckoned with: wireless ones take 0.3 s. */
const LONGEST_DELAY_S = 1;

/** @typedef {import("./jitter.js").Progress} Progress */

/**
 * @callback Report
 * @param {string} replyId
 * @param {number} seconds of its audio that have left the loudspeaker
 * @param {boolean} isPaused
 */

export class Playback {
  #report;
  /** The reply whose audio has come, until it is over. @type {string | null} */
  #replyId = null;
  /** How much of it had left the audio thread at the end of each of the last blocks, the newest last; in seconds. */
  #trail = [0];
  /** What was reported last. */
  #seconds = 0;
  #state = "";
  #blocks = 0;
  /** It was cut short: where it has stopped is told, and then no more. */
  #isCut = false;

  /** @param {Report} report */
  constructor(report) {
    this.#report = report;
  }

  /** Audio of a reply has come. */
  begin(replyId) {
    if (replyId === this.#replyId) return;
    this.#replyId = replyId;
    this.#trail = [0];
    this.#seconds = 0;
    this.#state = "";
    this.#isCut = false;
  }

  /** A reply is over, or all are: nobody asks any more how far it came. */
  end(replyId = this.#replyId) {
    if (replyId === this.#replyId) this.#replyId = null;
  }

  /** The person is about to cut the reply short: the next is asked for before it could be told where this one stopped. */
  breaksOff() {
    if (this.#replyId !== null) this.#tell(0);
  }

  /** A reply was cut short: it is still asked where it has stopped, which it will have in a moment. */
  cut(replyId) {
    if (replyId === this.#replyId) this.#isCut = true;
  }

  /**
   * The audio thread has gone on by a block.
   *
   * @param {Progress} progress
   * @param {number} delay from a sample's playing to its being heard, in seconds
   */
  block({ replyId, played, state }, delay) {
    if (this.#replyId === null) return;
    const isOurs = replyId === this.#replyId;
    // Before its first sample a reply stands still at nothing.
    this.#trail.push(isOurs ? played / SAMPLE_RATE : 0);
    if (this.#trail.length > LONGEST_DELAY_S / BLOCK_S) this.#trail.shift();
    const present = isOurs ? state : "paused";
    if (this.#isCut && present !== "playing") {
      this.stalled();
      return;
    }
    this.#blocks++;
    const isNews = present !== this.#state;
    if (!isNews && this.#blocks < (present === "paused" ? PAUSED_BLOCKS : PLAYING_BLOCKS)) return;
    this.#state = present;
    this.#tell(present === "paused" ? 0 : delay);
  }

  /** The browser has stopped the sound; called again and again as long as it does. */
  stalled() {
    if (this.#replyId === null) return;
    this.#state = "paused";
    this.#tell(0);
    if (this.#isCut) this.end();
  }

  /** What stands still will be heard as far as it went: what the device has cannot be taken back. */
  #tell(delay) {
    this.#blocks = 0;
    this.#seconds = Math.max(this.#seconds, this.#before(delay));
    this.#report(this.#replyId, this.#seconds, this.#state === "paused");
  }

  /** How much had left the audio thread so many seconds ago. */
  #before(delay) {
    const back = Math.min(delay / BLOCK_S, this.#trail.length - 1);
    const [older, newer] = [Math.ceil(back), Math.floor(back)].map((blocks) => this.#trail.at(-1 - blocks));
    return newer + (older - newer) * (back % 1);
  }
}
