/** A voice of the person's own: a recording of it goes to the service, the id of a voice like it comes back. */

import { Line } from "./line.js";
import { SAMPLE_RATE } from "./protocol.js";
import { toInt16, wavHeader } from "./wav.js";
import { uploadTrouble } from "./words.js";

/** How much is recorded: more is not listened to by every service. */
export const LONGEST_S = 10;
/** Less cannot tell a voice from another. */
export const SHORTEST_S = 2;
/** How long the service keeps a voice. */
export const KEPT_S = 3_600;
/** Bytes; the service's limit. */
const LARGEST = 4 << 20;
const PREFIX = "custom:";

/** Whether a voice's id is that of a voice somebody has had made. */
export function isOwn(id) {
  return id.startsWith(PREFIX);
}

/** No voice was made; `message` tells why, in a sentence for people. */
export class UploadError extends Error {}

/** A recording that is being made. */
export class Sample {
  #line;
  /** @type {Float32Array[]} */
  #blocks = [];
  #samples = 0;

  /**
   * @param {(seconds: number) => void} onProgress how much there is
   * @param {() => void} onEnd it is complete, or the microphone has gone
   */
  constructor(onProgress, onEnd) {
    this.#line = new Line({
      block: (person) => {
        if (this.seconds >= LONGEST_S) return;
        this.#blocks.push(person);
        this.#samples += person.length;
        onProgress(this.seconds);
        if (this.seconds >= LONGEST_S) onEnd();
      },
      started: () => {},
      finished: () => {},
      unplugged: onEnd,
      interrupted: () => {},
    });
  }

  get seconds() {
    return this.#samples / SAMPLE_RATE;
  }

  /** Begin. Raises `NoMicrophone`. */
  async begin() {
    await this.#line.open({ withMicrophone: true });
  }

  /** Give the microphone back. */
  close() {
    this.#line.close();
  }

  /** What was recorded, as a WAV file. */
  wav() {
    const samples = this.#blocks.flatMap((block) => Array.from(block, toInt16));
    return new Blob([wavHeader(samples.length, { rate: SAMPLE_RATE, channels: 1 }), Int16Array.from(samples)], { type: "audio/wav" });
  }
}

/**
 * Have a voice made of a recording. Raises `UploadError`, and a DOMException called "AbortError".
 *
 * @param {Blob} recording
 * @param {(share: number) => void} onProgress from 0 to 1; at 1 the voice is being made
 * @param {AbortSignal} signal
 * @returns {Promise<string>} its id
 */
export async function ownVoice(recording, onProgress, signal) {
  if (recording.size > LARGEST) throw new UploadError(uploadTrouble(413));
  const form = new FormData();
  form.append("file", recording);
  const { status, body } = await post("/v1/voices", form, onProgress, signal);
  if (status !== 200 || typeof body.name !== "string") throw new UploadError(uploadTrouble(status, body.detail));
  return body.name;
}

/** An upload that tells how far it is, which `fetch` cannot. A connection that breaks has the status 0. */
function post(url, form, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const end = () => resolve({ status: request.status, body: parsed(request.responseText) });
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded / total);
    request.onload = request.onerror = end;
    request.onabort = () => reject(new DOMException("broken off", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    request.open("POST", url);
    request.send(form);
  });
}

function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
