/**
 * The audio thread: one node with the microphone on its input and the replies on its output. Both pass through here in
 * the same quantum, so there is one clock for all that is heard: samples at 24 kHz since the node began. The recording
 * and the measure of latency are exact because of that.
 */

import { JitterBuffer } from "./jitter.js";
import { SAMPLE_RATE } from "./protocol.js";
import { Resampler } from "./resample.js";

/** What is told to the page at once: 20 ms, an Opus packet. */
const BLOCK = SAMPLE_RATE / 50;
/** What is pulled at once where the device runs at another rate. */
const PULL = 32;

class Duplex extends AudioWorkletProcessor {
  #replies = new JitterBuffer(SAMPLE_RATE);
  #in = new Resampler(sampleRate, SAMPLE_RATE);
  #out = new Resampler(SAMPLE_RATE, sampleRate);
  #isMuted = false;
  #isClosed = false;
  #person = new Block();
  #played = new Block();
  #playedSamples = 0;
  /** Played samples at the device's rate that are ahead of the quantum. */
  #ahead = new Float32Array(0);

  constructor() {
    super();
    this.port.onmessage = ({ data }) => this.#obey(data);
  }

  #obey({ kind, replyId, samples, on }) {
    if (kind === "push") this.#replies.push(replyId, samples);
    else if (kind === "complete") this.#replies.complete(replyId);
    else if (kind === "hold") this.#replies.hold();
    else if (kind === "resume") this.#replies.resume();
    else if (kind === "drop") this.#replies.drop(replyId);
    else if (kind === "clear") this.#replies.clear();
    else if (kind === "mute") this.#isMuted = on;
    else if (kind === "close") this.#isClosed = true;
  }

  process([input], [output]) {
    this.#hear(input, output[0].length);
    this.#play(output[0]);
    for (const channel of output.slice(1)) channel.set(output[0]);
    while (this.#person.isWhole && this.#played.isWhole) this.#tell();
    return !this.#isClosed;
  }

  /** Take the microphone, all its channels as one; silence while it is muted or missing, so that time goes on. */
  #hear(input, length) {
    const mono = new Float32Array(length);
    if (!this.#isMuted) {
      for (const channel of input) for (let i = 0; i < length; i++) mono[i] += channel[i] / input.length;
    }
    this.#person.add(this.#in.process(mono));
  }

  #play(output) {
    if (sampleRate === SAMPLE_RATE) {
      output.set(this.#pull(output.length));
      return;
    }
    while (this.#ahead.length < output.length) {
      const more = this.#out.process(this.#pull(PULL));
      const both = new Float32Array(this.#ahead.length + more.length);
      both.set(this.#ahead);
      both.set(more, this.#ahead.length);
      this.#ahead = both;
    }
    output.set(this.#ahead.subarray(0, output.length));
    this.#ahead = this.#ahead.slice(output.length);
  }

  #pull(length) {
    const block = new Float32Array(length);
    for (const { kind, replyId, at } of this.#replies.pull(block)) {
      this.port.postMessage({ kind, replyId, position: this.#playedSamples + at });
    }
    this.#playedSamples += length;
    this.#played.add(block);
    return block;
  }

  #tell() {
    const person = this.#person.take();
    const played = this.#played.take();
    const { progress } = this.#replies;
    this.port.postMessage({ kind: "block", person, played, progress }, [person.buffer, played.buffer]);
  }
}

/** Samples until they are a block. */
class Block {
  #samples = [];

  get isWhole() {
    return this.#samples.length >= BLOCK;
  }

  add(samples) {
    for (const sample of samples) this.#samples.push(sample);
  }

  take() {
    return Float32Array.from(this.#samples.splice(0, BLOCK));
  }
}

registerProcessor("duplex", Duplex);
