/**
 * The microphone and the loudspeaker: an AudioContext with the one node of `audio.worklet.js` in it, which hears the
 * microphone and plays the replies. Everything here is 24 kHz mono; the node converts where the device is not.
 */

import { SAMPLE_RATE } from "./protocol.js";

const WORKLET = new URL("./audio.worklet.js", import.meta.url);

const MICROPHONE = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** A microphone cannot be had; `name` is that of `getUserMedia`'s error, or "InsecureContext". */
export class NoMicrophone extends Error {
  constructor(name) {
    super(name);
    this.name = name;
  }
}

/** Whether sound can be played as it arrives. On pages that are not safe no context has an `audioWorklet`. */
export function canPlay() {
  return typeof AudioContext === "function" && "audioWorklet" in AudioContext.prototype;
}

/**
 * @typedef {object} Listener is told what happens on a line
 * @property {(person: Float32Array, played: Float32Array, progress: import("./jitter.js").Progress) => void} block
 *   20 ms of both sides, which sounded together, and how far the reply has come by their end
 * @property {(replyId: string, position: number) => void} started a reply begins to be played; samples of the line's clock
 * @property {(replyId: string) => void} finished all of a reply has been played
 * @property {() => void} unplugged the microphone has gone
 * @property {(isRunning: boolean) => void} interrupted the browser has stopped the sound, or let it go on
 */

export class Line {
  #listener;
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {AudioWorkletNode | null} */
  #node = null;
  /** @type {MediaStream | null} */
  #microphone = null;
  /** @type {MediaStreamAudioSourceNode | null} */
  #source = null;
  #isMuted = false;
  /** The ids of the devices to use; "" leaves it to the system. */
  #devices = { microphone: "", loudspeaker: "" };
  #isClosed = false;

  /** @param {Listener} listener */
  constructor(listener) {
    this.#listener = listener;
  }

  /** Use these devices from now on. An id that is not there any more counts as "". @param {{microphone: string, loudspeaker: string}} devices */
  async use(devices) {
    const before = this.#devices;
    this.#devices = devices;
    if (this.#context && before.loudspeaker !== devices.loudspeaker) await this.#playOn(this.#context);
    if (this.#microphone && before.microphone !== devices.microphone) {
      this.#release();
      await this.replaceMicrophone();
    }
  }

  get hasMicrophone() {
    return this.#microphone !== null;
  }

  /** The delay between a sample's playing and its being heard, in seconds, as far as the browser knows. */
  get outputLatency() {
    return this.#context?.outputLatency || this.#context?.baseLatency || 0;
  }

  /**
   * Open the loudspeaker, and the microphone if one is wanted. Only after the person has clicked will browsers let it
   * sound. Raises `NoMicrophone`.
   */
  async open({ withMicrophone }) {
    const microphone = withMicrophone ? await askForMicrophone(this.#devices.microphone) : null;
    try {
      // The person may have thought better of it while the browser asked.
      if (this.#isClosed) throw new NoMicrophone("AbortError");
      await this.#build(microphone, SAMPLE_RATE).catch((error) => {
        // Firefox connects a microphone only to a context that runs at the microphone's own rate.
        if (error.name !== "NotSupportedError") throw error;
        return this.#build(microphone, undefined);
      });
    } catch (error) {
      for (const track of microphone?.getTracks() ?? []) track.stop();
      this.close();
      throw error;
    }
    this.#watch(microphone);
    if (this.#isClosed) this.close();
  }

  /** Give the microphone and the loudspeaker back. */
  close() {
    this.#isClosed = true;
    this.#release();
    this.#dismantle();
  }

  /** Look for a microphone again, after the one there was has gone. Raises `NoMicrophone`. */
  async replaceMicrophone() {
    const microphone = await askForMicrophone(this.#devices.microphone);
    if (this.#isClosed || !this.#context || !this.#node) {
      for (const track of microphone.getTracks()) track.stop();
      return;
    }
    try {
      this.#source?.disconnect();
      this.#source = this.#context.createMediaStreamSource(microphone);
      this.#source.connect(this.#node);
    } catch {
      // Another device at another rate: everything has to be built anew around it.
      await this.#build(microphone, undefined);
    }
    this.#watch(microphone);
  }

  /** Let silence go out in place of the microphone. */
  mute(on) {
    this.#isMuted = on;
    this.#tell({ kind: "mute", on });
  }

  /** Have the sound go on after the browser has stopped it. */
  async wake() {
    if (this.#context && this.#context.state !== "running") await this.#context.resume();
  }

  /** @param {Float32Array} samples the next of a reply */
  play(replyId, samples) {
    this.#tell({ kind: "push", replyId, samples }, [samples.buffer]);
  }

  /** All of a reply has been given to `play`. */
  complete(replyId) {
    this.#tell({ kind: "complete", replyId });
  }

  /** Fall silent, and keep what has not been played. */
  hold() {
    this.#tell({ kind: "hold" });
  }

  /** Go on after `hold`. */
  resume() {
    this.#tell({ kind: "resume" });
  }

  /** Fall silent, and play nothing more of a reply, whatever may still come of it. */
  drop(replyId) {
    this.#tell({ kind: "drop", replyId });
  }

  /** Play nothing more of what has come. */
  clear() {
    this.#tell({ kind: "clear" });
  }

  #tell(message, transfer = []) {
    this.#node?.port.postMessage(message, transfer);
  }

  async #build(microphone, sampleRate) {
    this.#dismantle();
    const context = new AudioContext({ sampleRate, latencyHint: "interactive" });
    this.#context = context;
    await context.audioWorklet.addModule(WORKLET);
    const node = new AudioWorkletNode(context, "duplex", { numberOfInputs: 1, outputChannelCount: [1] });
    node.port.onmessage = ({ data }) => this.#hear(data);
    this.#source = microphone ? context.createMediaStreamSource(microphone) : null;
    this.#source?.connect(node);
    await this.#playOn(context);
    node.connect(context.destination);
    this.#node = node;
    this.mute(this.#isMuted);
    // A phone call takes the sound away; a browser that saw no click never gives it.
    context.onstatechange = () => this.#listener.interrupted(context.state === "running");
    await Promise.race([context.resume(), new Promise((resolve) => setTimeout(resolve, 500))]);
    this.#listener.interrupted(context.state === "running");
  }

  /** Play on the loudspeaker that was chosen, or on the system's where that one is gone. */
  async #playOn(context) {
    await context.setSinkId?.(this.#devices.loudspeaker).catch(() => context.setSinkId("").catch(() => {}));
  }

  #release() {
    for (const track of this.#microphone?.getTracks() ?? []) track.stop();
    this.#microphone = null;
  }

  #dismantle() {
    this.#tell({ kind: "close" });
    if (this.#node) this.#node.port.onmessage = null;
    this.#node?.disconnect();
    this.#node = null;
    if (this.#context) this.#context.onstatechange = null;
    if (this.#context && this.#context.state !== "closed") void this.#context.close();
    this.#context = null;
  }

  #hear({ kind, person, played, progress, replyId, position }) {
    if (kind === "block") this.#listener.block(person, played, progress);
    else if (kind === "started") this.#listener.started(replyId, position);
    else if (kind === "finished") this.#listener.finished(replyId);
  }

  #watch(microphone) {
    this.#microphone = microphone;
    const [track] = microphone?.getAudioTracks() ?? [];
    if (!track) return;
    track.onended = () => {
      if (this.#microphone !== microphone) return;
      this.#microphone = null;
      this.#listener.unplugged();
    };
  }
}

/** @param {string} id of the one that is wanted, "" for any */
async function askForMicrophone(id) {
  if (!isSecureContext || !navigator.mediaDevices?.getUserMedia) throw new NoMicrophone("InsecureContext");
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { ...MICROPHONE, ...(id && { deviceId: { ideal: id } }) }, video: false });
  } catch (error) {
    throw new NoMicrophone(error.name);
  }
}
