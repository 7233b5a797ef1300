/** One connection to `/v1/converse`. */

import * as protocol from "./protocol.js";

/** Seconds of the microphone that may wait in the browser; what comes beyond is dropped, rather than heard late. */
const MOST_WAITING_S = 3;
/** Less than this, and the microphone is sent again. */
const CAUGHT_UP_S = 0.5;
/** How long a server may take to admit; its own searches for a free place end sooner. */
const ADMISSION_LIMIT_S = 15;

/**
 * @typedef {object} SocketListener
 * @property {(event: {kind: string, body: any, requestId?: string}) => void} event
 * @property {(end: {code: number, error: object | null, wasStarted: boolean, isOver: boolean}) => void} closed once, and last
 */

export class Socket {
  #socket;
  #listener;
  #error = null;
  #wasStarted = false;
  #isOver = false;
  #admission;
  #isLagging = false;
  /** What a second of the microphone takes on the wire, in characters. */
  #perSecond = 0;

  /**
   * @param {object} config the first message
   * @param {SocketListener} listener
   */
  constructor(config, listener) {
    this.#listener = listener;
    const url = new URL(protocol.PATH, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    this.#socket = new WebSocket(url);
    this.#socket.onopen = () => this.#send(config);
    this.#socket.onmessage = ({ data }) => this.#receive(data);
    this.#socket.onclose = ({ code }) => this.#closed(code);
    this.#admission = setTimeout(() => this.#abandon(), ADMISSION_LIMIT_S * 1000);
  }

  /** Whether the microphone is being dropped because the network does not keep up. */
  get isLagging() {
    return this.#isLagging;
  }

  /** Send a message that a person waits for. Returns whether it could be. */
  send(message) {
    if (!this.#wasStarted || this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#send(message);
    return true;
  }

  /**
   * Send the next of the microphone, unless too much of it waits already. Returns whether it was sent.
   *
   * @param {Uint8Array} bytes
   * @param {number} seconds how much sound they hold
   */
  sendAudio(bytes, seconds) {
    if (!this.#wasStarted || this.#socket.readyState !== WebSocket.OPEN) return false;
    const waiting = this.#perSecond > 0 ? this.#socket.bufferedAmount / this.#perSecond : 0;
    this.#isLagging = waiting > (this.#isLagging ? CAUGHT_UP_S : MOST_WAITING_S);
    if (this.#isLagging) return false;
    const frame = JSON.stringify(protocol.audio(bytes));
    const perSecond = frame.length / seconds;
    this.#perSecond += (this.#perSecond === 0 ? 1 : 0.05) * (perSecond - this.#perSecond);
    this.#socket.send(frame);
    return true;
  }

  /** Hang up; nothing more is told to the listener. */
  close() {
    this.#silence();
    this.#socket.close(1000);
  }

  #send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  #receive(data) {
    const event = typeof data === "string" ? protocol.parsed(data) : null;
    if (event === null) return;
    if (event.kind === "started") {
      this.#wasStarted = true;
      clearTimeout(this.#admission);
    }
    if (event.kind === "conversationEnded") this.#isOver = true;
    if (event.kind === "error") this.#error = event.body;
    else this.#listener.event(event);
  }

  #abandon() {
    this.#silence();
    this.#socket.close();
    this.#listener.closed({ code: 1006, error: null, wasStarted: false, isOver: false });
  }

  #closed(code) {
    this.#silence();
    this.#listener.closed({ code, error: this.#error, wasStarted: this.#wasStarted, isOver: this.#isOver });
  }

  #silence() {
    clearTimeout(this.#admission);
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
  }
}
