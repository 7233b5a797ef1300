/** The person's voice on its way to the server: blocks of 20 ms in, the bytes of `audio` messages of 40 ms out. */

import { OggOpusWriter } from "./ogg.js";
import { SAMPLE_RATE } from "./protocol.js";
import { toInt16 } from "./wav.js";

const OPUS = {
  codec: "opus",
  sampleRate: SAMPLE_RATE,
  numberOfChannels: 1,
  bitrate: 24_000,
  opus: { frameDuration: 20_000 },
};
/** Blocks, and so Opus packets, a message. */
const A_MESSAGE = 2;
const BLOCK_S = 0.02;

/** Whether this browser encodes Opus. */
export async function encodesOpus() {
  if (typeof AudioEncoder !== "function" || typeof AudioData !== "function") return false;
  return AudioEncoder.isConfigSupported(OPUS).then(
    ({ supported }) => supported === true,
    () => false,
  );
}

/**
 * @callback Send
 * @param {Uint8Array} bytes
 * @param {number} samples how much sound they hold
 */

/** Encodes as one Ogg Opus stream. A fault of the encoder begins another stream, which the server takes. */
export class OpusUplink {
  #send;
  /** @type {AudioEncoder} */
  #encoder;
  /** @type {OggOpusWriter} */
  #ogg;
  /** The stream's headers, until they have gone out with the first page. @type {Uint8Array | null} */
  #headers;
  /** @type {Uint8Array[]} */
  #packets = [];
  #timestamp = 0;

  /** @param {Send} send */
  constructor(send) {
    this.#send = send;
    this.#begin();
  }

  /** @param {Float32Array} samples a block */
  push(samples) {
    if (this.#encoder.state === "closed") this.#begin();
    const data = new AudioData({
      format: "f32-planar",
      sampleRate: SAMPLE_RATE,
      numberOfFrames: samples.length,
      numberOfChannels: 1,
      timestamp: this.#timestamp,
      data: samples,
    });
    this.#timestamp += BLOCK_S * 1e6;
    this.#encoder.encode(data);
    data.close();
  }

  close() {
    if (this.#encoder.state !== "closed") this.#encoder.close();
  }

  #begin() {
    this.#ogg = new OggOpusWriter(SAMPLE_RATE);
    this.#headers = this.#ogg.headers;
    this.#packets = [];
    this.#encoder = new AudioEncoder({ output: (chunk) => this.#encoded(chunk), error: () => {} });
    this.#encoder.configure(OPUS);
  }

  #encoded(chunk) {
    const packet = new Uint8Array(chunk.byteLength);
    chunk.copyTo(packet);
    this.#packets.push(packet);
    if (this.#packets.length < A_MESSAGE) return;
    const page = this.#ogg.page(this.#packets.splice(0), A_MESSAGE * BLOCK_S);
    const bytes = this.#headers ? new Uint8Array([...this.#headers, ...page]) : page;
    this.#headers = null;
    this.#send(bytes, A_MESSAGE * BLOCK_S * SAMPLE_RATE);
  }
}

/** Sends 16-bit PCM, little-endian: for browsers that do not encode. */
export class PcmUplink {
  #send;
  #samples = [];

  /** @param {Send} send */
  constructor(send) {
    this.#send = send;
  }

  /** @param {Float32Array} samples a block */
  push(samples) {
    this.#samples.push(...samples);
    if (this.#samples.length < A_MESSAGE * samples.length) return;
    const bytes = new DataView(new ArrayBuffer(2 * this.#samples.length));
    this.#samples.forEach((sample, i) => bytes.setInt16(2 * i, toInt16(sample), true));
    this.#send(new Uint8Array(bytes.buffer), this.#samples.length);
    this.#samples = [];
  }

  close() {}
}
