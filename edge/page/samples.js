/** Lets a person hear what a voice sounds like, one at a time. */

export class Samples {
  #onChange;
  #onFailure;
  /** @type {HTMLAudioElement | null} */
  #audio = null;
  /** Whose sample is being played, or fetched; "" if none is. */
  playing = "";
  /** The loudspeaker's id; "" for the system's. */
  loudspeaker = "";

  /** @param {() => void} onChange `playing` has changed @param {() => void} onFailure there is no sample to be had */
  constructor(onChange, onFailure) {
    this.#onChange = onChange;
    this.#onFailure = onFailure;
  }

  /** Play the sample of a voice, or stop it if it is being played. @param {string} id */
  toggle(id) {
    const wasPlaying = this.playing === id;
    this.stop();
    if (!wasPlaying) void this.#play(id);
  }

  /** Fall silent. */
  stop() {
    this.#audio?.pause();
    this.#audio = null;
    if (this.playing === "") return;
    this.playing = "";
    this.#onChange();
  }

  async #play(id) {
    const audio = new Audio(`/v1/voices/${encodeURIComponent(id)}/sample`);
    this.#audio = audio;
    this.playing = id;
    this.#onChange();
    const end = (hasFailed) => {
      if (this.#audio !== audio) return;
      this.stop();
      if (hasFailed) this.#onFailure();
    };
    audio.onended = () => end(false);
    try {
      // A loudspeaker that was unplugged since is no reason to stay silent.
      if (this.loudspeaker) await audio.setSinkId?.(this.loudspeaker).catch(() => {});
      await audio.play();
    } catch {
      end(true);
    }
  }
}
