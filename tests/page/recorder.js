/** Keeps every sample that goes to the loudspeaker; independent of the page's own code. */
const CHUNK = 2_400;

class Recorder extends AudioWorkletProcessor {
  #samples = new Float32Array(CHUNK);
  #filled = 0;

  process([input]) {
    for (const sample of input[0] ?? new Float32Array(128)) {
      this.#samples[this.#filled++] = sample;
      if (this.#filled < CHUNK) continue;
      this.port.postMessage(this.#samples.slice());
      this.#filled = 0;
    }
    return true;
  }
}

registerProcessor("recorder", Recorder);
