/**
 * Replies between their arrival and their playing: a buffer that waits for a little sound to be there before it
 * begins, grows when the network proves uneven, and falls silent the moment it is told to.
 *
 * Everything is tagged with its reply, because sound of a reply that was cancelled may still come out of the decoder.
 */

const FIRST_TARGET_S = 0.08;
const LONGEST_TARGET_S = 0.4;
/** How much an underrun adds to the target, and half a minute without one takes off it. */
const TARGET_STEP_S = 0.04;
const CALM_S = 30;
/** Long enough not to click, too short to be heard as speech. */
const FADE_S = 0.005;
/** No server sends so far ahead; more than this is a fault, and must not fill the memory. */
const LONGEST_S = 60;
const REMEMBERED = 64;

/** @typedef {{kind: "started" | "finished" | "underrun", replyId: string, at: number}} PlayEvent `at`: index of a sample in the block */

/**
 * @typedef {object} Progress of the reply that was played last
 * @property {string | null} replyId
 * @property {number} played how many of its samples
 * @property {"playing" | "paused" | "finished"} state
 */

export class JitterBuffer {
  #rate;
  #fade;
  /** Of no reply is what fades after `clear`. @type {{replyId: string | null, samples: Float32Array, next: number}[]} */
  #queue = [];
  #queued = 0;
  #target = FIRST_TARGET_S;
  #calm = 0;
  #isFlowing = false;
  #isHeld = false;
  /** From 0 to 1: how open the tap is. */
  #gain = 0;
  /** The reply whose sound was played last. @type {string | null} */
  #playing = null;
  /** How many samples of it. */
  #played = 0;
  #isFinished = false;
  /** Replies of which all has arrived. */
  #complete = new Recent();
  /** Replies of which nothing more is to be heard. */
  #dropped = new Recent();

  /** @param {number} rate samples a second */
  constructor(rate) {
    this.#rate = rate;
    this.#fade = Math.round(FADE_S * rate);
  }

  /** How much sound has to be there before it begins, in seconds. */
  get target() {
    return this.#target;
  }

  /** @returns {Progress} */
  get progress() {
    const state = this.#isFinished ? "finished" : this.#isFlowing && !this.#isHeld ? "playing" : "paused";
    return { replyId: this.#playing, played: this.#played, state };
  }

  /** @param {Float32Array} samples the next of a reply; sound of a reply that was dropped is ignored */
  push(replyId, samples) {
    if (this.#dropped.has(replyId) || samples.length === 0 || this.#queued > LONGEST_S * this.#rate) return;
    this.#queue.push({ replyId, samples, next: 0 });
    this.#queued += samples.length;
  }

  /** All of a reply has been pushed: it is played even if that is less than what is waited for otherwise. */
  complete(replyId) {
    this.#complete.add(replyId);
  }

  /** Fall silent now; what has not been played is kept. */
  hold() {
    this.#isHeld = true;
  }

  /** Go on where `hold` stopped. */
  resume() {
    this.#isHeld = false;
  }

  /** Play nothing more of a reply but the few milliseconds in which it fades. */
  drop(replyId) {
    this.#dropped.add(replyId);
    this.#forget((entry) => entry.replyId === replyId);
    this.#isHeld = false;
  }

  /** Play nothing more of anything that has arrived, and know no reply: the next connection may name its own alike. */
  clear() {
    this.#forget(() => true);
    for (const fading of this.#queue) fading.replyId = null;
    this.#playing = null;
    this.#played = 0;
    this.#complete = new Recent();
    this.#dropped = new Recent();
    this.#isHeld = false;
  }

  /**
   * Fill a block with what is to be heard next, and tell what happened in it.
   *
   * @param {Float32Array} block
   * @returns {PlayEvent[]}
   */
  pull(block) {
    const events = [];
    for (let at = 0; at < block.length; at++) block[at] = this.#next(at, events);
    this.#calmed(block.length);
    return events;
  }

  #next(at, events) {
    if (!this.#isFlowing) this.#isFlowing = !this.#isHeld && this.#canBegin();
    const isOpen = this.#isFlowing && !this.#isHeld;
    // The tap closes as the sound runs out, so that an underrun is a dip and no click.
    const limit = Math.min(1, this.#queued / this.#fade);
    const wanted = isOpen ? limit : 0;
    this.#gain += Math.max(-1 / this.#fade, Math.min(1 / this.#fade, wanted - this.#gain));
    if (this.#gain < 1e-6) this.#gain = 0;
    if (this.#queued === 0 || (!isOpen && this.#gain === 0)) return 0;
    const openness = Math.min(this.#gain, limit);
    return this.#take(at, events) * openness;
  }

  #take(at, events) {
    const entry = this.#queue[0];
    if (entry.replyId !== this.#playing) {
      this.#playing = entry.replyId;
      this.#played = 0;
      if (!this.#dropped.has(entry.replyId)) events.push({ kind: "started", replyId: entry.replyId, at });
    }
    const sample = entry.samples[entry.next++];
    this.#played++;
    this.#isFinished = false;
    this.#queued--;
    if (entry.next === entry.samples.length) {
      this.#queue.shift();
      if (this.#queue[0]?.replyId !== entry.replyId) this.#runOut(entry.replyId, at, events);
    }
    return sample;
  }

  /** The last sample of a reply that is here has been played. */
  #runOut(replyId, at, events) {
    this.#isFlowing = false;
    this.#gain = 0;
    if (replyId === null || this.#dropped.has(replyId)) return;
    this.#isFinished = this.#complete.has(replyId);
    if (this.#isFinished) {
      events.push({ kind: "finished", replyId, at });
    } else {
      events.push({ kind: "underrun", replyId, at });
      this.#target = Math.min(LONGEST_TARGET_S, this.#target + TARGET_STEP_S);
      this.#calm = 0;
    }
  }

  #canBegin() {
    const first = this.#queue[0];
    return first !== undefined && (this.#queued >= this.#target * this.#rate || this.#complete.has(first.replyId));
  }

  /** After a calm half minute, wait for less. */
  #calmed(samples) {
    this.#calm += samples;
    if (this.#calm < CALM_S * this.#rate) return;
    this.#target = Math.max(FIRST_TARGET_S, this.#target - TARGET_STEP_S);
    this.#calm = 0;
  }

  /** Take entries out; if one of them is being heard, leave as much of it as fades. */
  #forget(isUnwanted) {
    const heard = this.#queue[0];
    this.#queue = this.#queue.filter((entry) => !isUnwanted(entry));
    if (heard && isUnwanted(heard) && heard.replyId === this.#playing && this.#gain > 0) {
      const tail = heard.samples.slice(heard.next, heard.next + this.#fade);
      this.#queue.unshift({ replyId: heard.replyId, samples: tail.map((x, i) => x * (1 - i / this.#fade)), next: 0 });
      // Whether or not the tap was open: it is the tail that closes now.
      this.#isFlowing = true;
    } else if (this.#queue[0]?.replyId !== this.#playing) {
      this.#isFlowing = false;
    }
    this.#queued = this.#queue.reduce((sum, entry) => sum + entry.samples.length - entry.next, 0);
  }
}

/** The last so many ids: a conversation may last all day. */
class Recent {
  #ids = new Set();

  add(id) {
    this.#ids.delete(id);
    this.#ids.add(id);
    if (this.#ids.size > REMEMBERED) this.#ids.delete(this.#ids.values().next().value);
  }

  has(id) {
    return this.#ids.has(id);
  }
}
