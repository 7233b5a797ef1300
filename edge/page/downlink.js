/** Replies on their way from the server: the bytes of `replyAudio` messages in, 24 kHz samples out. */

import { OggOpusReader } from "./ogg.js";
import { SAMPLE_RATE } from "./protocol.js";
import { Resampler } from "./resample.js";

/** What Opus decodes to. No description is given: the stream asks for 80 ms to be skipped that hold sound. */
const OPUS = { codec: "opus", sampleRate: 48_000, numberOfChannels: 1 };
/** The length of the server's packets. Only their order matters to the decoder. */
const PACKET_US = 40_000;

/** Whether this browser decodes Opus. */
export async function decodesOpus() {
  if (typeof AudioDecoder !== "function" || typeof EncodedAudioChunk !== "function") return false;
  return AudioDecoder.isConfigSupported(OPUS).then(
    ({ supported }) => supported === true,
    () => false,
  );
}

/**
 * @callback Play
 * @param {string} replyId
 * @param {Float32Array} samples
 */

/** Decodes the one Ogg Opus stream of a connection and tells of each piece of sound which reply it belongs to. */
export class OpusDownlink {
  #play;
  #complete;
  #pages = new OggOpusReader();
  /** @type {AudioDecoder} */
  #decoder;
  /** @type {Resampler | null} */
  #resampler = null;
  #timestamp = 0;
  /** The replies whose packets are inside the decoder, by the packets' timestamps. */
  #inside = [];

  /**
   * @param {Play} play
   * @param {(replyId: string) => void} complete is told when the last of a reply has gone to `play`
   */
  constructor(play, complete) {
    this.#play = play;
    this.#complete = complete;
    this.#begin();
  }

  /** @param {Uint8Array} bytes */
  push(replyId, bytes) {
    for (const packet of this.#pages.read(bytes)) {
      if (this.#decoder.state === "closed") this.#begin();
      this.#inside.push({ timestamp: this.#timestamp, replyId });
      this.#decoder.decode(new EncodedAudioChunk({ type: "key", timestamp: this.#timestamp, data: packet }));
      this.#timestamp += PACKET_US;
    }
  }

  /** Nothing more of a reply will be pushed. */
  end(replyId) {
    // A flush would reset the decoder, which the next reply goes on with: the mark waits behind the sound instead.
    if (this.#inside.length === 0) this.#complete(replyId);
    else this.#inside.push({ timestamp: this.#timestamp - 1, replyId, isEnd: true });
  }

  close() {
    if (this.#decoder.state !== "closed") this.#decoder.close();
  }

  #begin() {
    for (const { replyId, isEnd } of this.#inside.splice(0)) if (isEnd) this.#complete(replyId);
    this.#decoder = new AudioDecoder({ output: (sound) => this.#decoded(sound), error: () => {} });
    this.#decoder.configure(OPUS);
  }

  #decoded(sound) {
    const samples = new Float32Array(sound.numberOfFrames);
    sound.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
    this.#resampler ??= new Resampler(sound.sampleRate, SAMPLE_RATE);
    const { timestamp } = sound;
    sound.close();
    const replyId = this.#owner(timestamp);
    const resampled = this.#resampler.process(samples);
    if (replyId !== null && resampled.length > 0) this.#play(replyId, resampled.slice());
    while (this.#inside[0]?.isEnd) this.#complete(this.#inside.shift().replyId);
  }

  /** The reply that sound belongs to which has come out of the decoder. Its timestamp may be off by the codec's delay. */
  #owner(timestamp) {
    let owner = null;
    while (this.#inside[0] && this.#inside[0].timestamp <= timestamp + PACKET_US / 2) {
      const { replyId, isEnd } = this.#inside.shift();
      if (isEnd) this.#complete(replyId);
      else owner = replyId;
    }
    return owner;
  }
}

/** Takes 16-bit PCM, little-endian: for browsers that do not decode. */
export class PcmDownlink {
  #play;
  #complete;

  /**
   * @param {Play} play
   * @param {(replyId: string) => void} complete
   */
  constructor(play, complete) {
    this.#play = play;
    this.#complete = complete;
  }

  /** @param {Uint8Array} bytes */
  push(replyId, bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const samples = Float32Array.from({ length: bytes.length >> 1 }, (_, i) => view.getInt16(2 * i, true) / 32_768);
    this.#play(replyId, samples);
  }

  /** Nothing more of a reply will be pushed. */
  end(replyId) {
    this.#complete(replyId);
  }

  close() {}
}
