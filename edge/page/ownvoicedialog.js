/** The dialog in which a person gives the service a voice: records it, or chooses a file. */

import { NoMicrophone, canPlay } from "./line.js";
import { LONGEST_S, SHORTEST_S, Sample, UploadError, ownVoice } from "./ownvoice.js";
import { microphoneTrouble, tooShort, uploadTrouble } from "./words.js";

const byId = (id) => document.getElementById(id);

export class OwnVoiceDialog {
  #onMade;
  #onListening;
  /** @type {Sample | null} */
  #sample = null;
  #upload = new AbortController();

  /**
   * @param {(id: string) => void} onMade a voice was made
   * @param {(isListening: boolean) => void} onListening the microphone is wanted for this, or no longer
   */
  constructor(onMade, onListening) {
    this.#onMade = onMade;
    this.#onListening = onListening;
    byId("own-record").hidden = !canPlay();
    byId("own-record").addEventListener("click", () => (this.#sample ? this.#finish() : this.#record()));
    byId("own-choose").addEventListener("click", () => byId("own-file").click());
    byId("own-file").addEventListener("change", ({ target }) => {
      const [file] = target.files;
      // The same file may be chosen again after it was refused.
      if (file) void this.#send(file).finally(() => (target.value = ""));
    });
    byId("own-cancel").addEventListener("click", () => byId("own").close());
    byId("own").addEventListener("close", () => this.#stop());
  }

  open() {
    this.#show("idle");
    byId("own").showModal();
  }

  async #record() {
    const sample = new Sample(
      (seconds) => this.#show("recording", seconds / LONGEST_S),
      () => void this.#finish(),
    );
    this.#sample = sample;
    this.#onListening(true);
    this.#show("recording", 0);
    try {
      await sample.begin();
    } catch (error) {
      if (this.#sample !== sample) return;
      this.#silence();
      this.#show("idle", 0, error instanceof NoMicrophone ? microphoneTrouble(error.name).title : uploadTrouble(0));
    }
  }

  async #finish() {
    const sample = this.#sample;
    if (sample === null) return;
    this.#silence();
    if (sample.seconds < SHORTEST_S) this.#show("idle", 0, tooShort(SHORTEST_S));
    else await this.#send(sample.wav());
  }

  async #send(recording) {
    this.#silence();
    const upload = new AbortController();
    this.#upload = upload;
    this.#show("sending", 0);
    try {
      const id = await ownVoice(recording, (share) => this.#show("sending", share), upload.signal);
      this.#onMade(id);
      byId("own").close();
    } catch (error) {
      if (upload.signal.aborted) return;
      if (!(error instanceof UploadError)) throw error;
      this.#show("idle", 0, error.message);
    }
  }

  /** The dialog was closed: nothing goes on behind it. */
  #stop() {
    this.#upload.abort();
    this.#silence();
  }

  #silence() {
    if (this.#sample === null) return;
    this.#sample.close();
    this.#sample = null;
    this.#onListening(false);
  }

  /** @param {"idle" | "recording" | "sending"} step @param {number} share of it that is done */
  #show(step, share = 0, trouble = "") {
    byId("own").dataset.step = step;
    byId("own-record").textContent = step === "recording" ? "That is enough" : "Record";
    byId("own-record").disabled = byId("own-choose").disabled = step === "sending";
    byId("own-choose").disabled ||= step === "recording";
    byId("own-progress").hidden = byId("own-step").hidden = step === "idle";
    const isMaking = step === "sending" && share >= 1;
    // Without a value it shows that something is going on, and not how much is left.
    if (isMaking) byId("own-progress").removeAttribute("value");
    else byId("own-progress").value = share;
    const left = Math.ceil(LONGEST_S * (1 - share));
    byId("own-left").textContent = step === "recording" ? `${left} s left` : "";
    const words = step === "recording" ? "Say anything, a few sentences." : isMaking ? "Making the voice" : "Sending";
    if (byId("own-step").textContent !== words) byId("own-step").textContent = words;
    byId("own-trouble").textContent = trouble;
    byId("own-trouble").hidden = trouble === "";
  }
}
