/**
 * The person's call: it holds the line (microphone and loudspeaker), keeps one connection to the server after the other
 * as long as the person wants to talk, and tells the page what is going on.
 *
 *     idle ──start──▶ connecting ──started──▶ talking ──hang up, goodbye──▶ ended
 *                        ▲   │ lost, full, down  │
 *                        └───┴──── waiting ◀─────┘
 */

import { retryDelay } from "./backoff.js";
import { NOTHING_YET, after, closed, divided, history, isAnswering, unfinished } from "./conversation.js";
import { OpusDownlink, PcmDownlink, decodesOpus } from "./downlink.js";
import { Line, NoMicrophone, canPlay } from "./line.js";
import { Playback } from "./playback.js";
import * as protocol from "./protocol.js";
import { Recording } from "./recording.js";
import { Socket } from "./socket.js";
import { OpusUplink, PcmUplink, encodesOpus } from "./uplink.js";
import { sessionOf } from "./voices.js";
import * as words from "./words.js";

/** How a conversation is held; the contract explains each. The lead exceeds what `jitter.js` may wait for. */
const MANNERS = { greeting: true, goodbye: true, silenceTimeout: "7s", confirmationTime: "1s", ignoreBackchannels: true, pacingLead: "0.64s" };
const NOTE_S = 8;
/** How often the server is told that the browser has stopped the sound. */
const STALLED_MS = 250;
/** How long the last words of a goodbye may still take to be played. */
const FAREWELL_S = 1;
/** How long a token works after the connection was lost. */
const TOKEN_VALID_MS = 60_000;
/** How long the microphone stays open after a push: people let go with the last sound, and it has yet to be sent. */
const TAIL_MS = 250;

/**
 * @typedef {object} CallState what the page shows
 * @property {"idle" | "connecting" | "talking" | "waiting" | "ended"} stage
 * @property {import("./conversation.js").Conversation} conversation
 * @property {words.Trouble | null} trouble
 * @property {number | null} retryAt when the next try is made, in milliseconds of `performance.now`
 * @property {boolean} isMuted
 * @property {boolean} pushesToTalk the microphone is heard only while the person pushes
 * @property {boolean} isPushing
 * @property {boolean} isTypedOnly
 * @property {boolean} isSilent replies are read, not heard
 * @property {string} note something that passes by
 * @property {number | null} latency of the last answer, in seconds
 * @property {string} ending why it is over, for people
 * @property {boolean} isInterrupted the browser has stopped the sound
 * @property {boolean} isUnplugged the microphone has gone
 * @property {string} unsent what was typed and could not be sent
 */

/** @type {CallState} */
const AT_FIRST = {
  stage: "idle",
  conversation: NOTHING_YET,
  trouble: null,
  retryAt: null,
  isMuted: false,
  pushesToTalk: false,
  isPushing: false,
  isTypedOnly: false,
  isSilent: false,
  note: "",
  latency: null,
  ending: "",
  isInterrupted: false,
  isUnplugged: false,
  unsent: "",
};

export class Call {
  state = AT_FIRST;
  recording = new Recording();

  #onChange;
  #onLevels;
  #onVoiceGone;
  #choice;
  /** @type {import("./voices.js").Wishes & {eagerness: string}} */
  #wishes = { prompt: "", language: "", eagerness: "EAGERNESS_AUTO" };
  #devices = { microphone: "", loudspeaker: "" };
  #consents = false;
  /** @type {Line | null} */
  #line = null;
  /** @type {Socket | null} */
  #socket = null;
  #uplink = null;
  #downlink = null;
  #playback = new Playback((...told) => void this.#socket?.send(protocol.playback(...told)));
  #stalled;
  #attempt = 0;
  #retry;
  #noteTimer;
  #tail;
  #requests = 0;
  /** What was typed and not yet taken, by request id. */
  #typed = new Map();
  /** What the person typed before there was a connection. */
  #firstWords = "";
  /** The connection was lost in the middle of a conversation, which the next one goes on with. */
  #goesOn = false;
  /** The server remembers it, and need not be told. */
  #isRemembered = false;
  /** With which another connection goes on where this one was lost; and when that was. */
  #token = null;
  #lostAt = 0;
  /** The reply that was in progress then. */
  #unfinished = null;
  /** Whether the person has changed something since. */
  #hasChanged = false;
  /** Whether that was after the first message of the present connection, which says what had been chosen. */
  #hasChangedSinceOpening = false;
  /** Where the present connection began, in samples of the server's clock. */
  #offset = 0;
  /** The line's clock, in samples at 24 kHz: what has been captured, and where the server's position 0 is on it. */
  #captured = 0;
  #base = null;
  /** Where on the line's clock the person's last question ended, until an answer to it is heard. */
  #questionEnd = null;
  #heardWords = false;
  /** Counts what was started, so that what comes late finds out that it has been overtaken. */
  #generation = 0;

  /**
   * @param {(state: CallState) => void} onChange
   * @param {(person: number, replies: number) => void} onLevels RMS of 20 ms of both sides
   * @param {(id: string) => void} onVoiceGone the service has the voice no longer that was chosen
   */
  constructor(onChange, onLevels, onVoiceGone) {
    this.#onVoiceGone = onVoiceGone;
    this.#onChange = onChange;
    this.#onLevels = onLevels;
  }

  /** Whom to talk to; takes effect at once, also in the middle of a conversation. @param {import("./voices.js").Choice} choice */
  choose(choice) {
    this.#choice = choice;
    if (this.#socket?.send(protocol.update(sessionOf(choice, this.#wishes), this.#nextId()))) this.#note(`${choice.name} answers from now on.`);
    else this.#changeLater();
  }

  /** How the person wants to talk; takes effect at once. @param {Partial<import("./voices.js").Wishes & {eagerness: string}>} change */
  wish(change) {
    this.#wishes = { ...this.#wishes, ...change };
    if (!this.#socket?.send(protocol.update(this.#asked(), this.#nextId()))) this.#changeLater();
  }

  /** There is no conversation to change yet, or none any more. */
  #changeLater() {
    this.#hasChanged = this.#hasChangedSinceOpening = true;
  }

  /** The session fields that the choice and the wishes stand for. */
  #asked() {
    const turnMode = this.state.pushesToTalk ? "TURN_MODE_MANUAL" : "TURN_MODE_AUTOMATIC";
    return { ...sessionOf(this.#choice, this.#wishes), eagerness: this.#wishes.eagerness, turnMode };
  }

  /** Which microphone and loudspeaker to use, by their ids. @param {{microphone: string, loudspeaker: string}} devices */
  async use(devices) {
    this.#devices = devices;
    try {
      await this.#line?.use(devices);
    } catch (error) {
      this.#set({ isUnplugged: true });
      this.#note(words.microphoneTrouble(error.name).title);
    }
  }

  /** Tell the person something in passing. */
  tell(words) {
    this.#note(words);
  }

  /** Whether the person allows the server to record. */
  consent(allowed) {
    this.#consents = allowed;
    if (!this.#socket?.send(protocol.update({ recordingConsent: allowed }, this.#nextId()))) this.#hasChangedSinceOpening = true;
  }

  /** Begin to talk, or to type. Called from a click, without which a browser stays silent. */
  async start({ isTypedOnly = false } = {}) {
    const generation = this.#stop();
    const isSilent = !canPlay();
    this.#set({ stage: "connecting", isTypedOnly, isSilent, trouble: null, ending: "", isUnplugged: false, isInterrupted: false });
    try {
      await this.#openLine(!isTypedOnly);
    } catch (error) {
      if (generation === this.#generation) this.#fail(error);
      return;
    }
    if (generation === this.#generation) await this.#connect();
  }

  /** End it at once. */
  hangUp() {
    const wasWaiting = this.state.stage === "waiting";
    this.#stop();
    this.#closeLine();
    const conversation = closed(this.state.conversation);
    const stage = conversation.entries.length > 0 || !wasWaiting ? "ended" : "idle";
    this.#set({ stage, conversation, trouble: null, retryAt: null, ending: words.ending("hung-up") });
  }

  /** Do not wait for the next try. */
  retryNow() {
    if (this.state.stage !== "waiting") return;
    clearTimeout(this.#retry);
    void this.#connect();
  }

  /** A typed turn. Without a conversation it begins one, in which the person types only. */
  say(text) {
    if (this.state.stage === "talking") {
      const id = this.#nextId();
      this.#typed.set(id, text);
      this.#playback.breaksOff();
      if (this.#socket?.send(protocol.text(text, id))) return;
    }
    this.#firstWords = text;
    if (this.state.stage === "idle" || this.state.stage === "ended") void this.start({ isTypedOnly: true });
  }

  /** What was typed and could not be sent, for the person to have again; once. */
  takeUnsent() {
    const { unsent } = this.state;
    this.state = { ...this.state, unsent: "" };
    return unsent;
  }

  /** Send silence instead of the microphone, or the microphone again. */
  mute(isMuted) {
    this.#set({ isMuted });
    this.#openMicrophone();
  }

  /** Whether the microphone is heard only while the person pushes, and letting go ends the turn. */
  pushToTalk(pushesToTalk) {
    clearTimeout(this.#tail);
    this.#set({ pushesToTalk, isPushing: false });
    this.#openMicrophone();
    if (!this.#socket?.send(protocol.update(this.#asked(), this.#nextId()))) this.#changeLater();
  }

  /** The person begins to talk; an answer that is still going on stops. */
  push() {
    if (!this.state.pushesToTalk || this.state.stage !== "talking") return;
    clearTimeout(this.#tail);
    if (!this.state.isPushing) this.stopReply();
    this.#set({ isPushing: true });
    this.#openMicrophone();
  }

  /** The person has let go: their turn is over. */
  letGo() {
    if (!this.state.isPushing) return;
    this.#set({ isPushing: false });
    clearTimeout(this.#tail);
    this.#tail = setTimeout(() => {
      this.#openMicrophone();
      this.#socket?.send(protocol.commitTurn(this.#nextId()));
    }, TAIL_MS);
  }

  /** Stop the answer that is being prepared or spoken, if there is one. */
  stopReply() {
    if (!isAnswering(this.state.conversation)) return;
    this.#playback.breaksOff();
    this.#socket?.send(protocol.cancelReply(this.#nextId()));
  }

  /** Let the microphone be heard, or silence in its place. */
  #openMicrophone() {
    const { isMuted, pushesToTalk, isPushing } = this.state;
    this.#line?.mute(isMuted || (pushesToTalk && !isPushing));
  }

  /** Let the sound go on after the browser has stopped it; called from a click. */
  async wake() {
    await this.#line?.wake();
  }

  /** Look for a microphone again after it was unplugged. */
  async findMicrophone() {
    try {
      await this.#line?.replaceMicrophone();
      this.#set({ isUnplugged: false });
    } catch (error) {
      this.#note(words.microphoneTrouble(error.name).title);
    }
  }

  async #openLine(withMicrophone) {
    this.#closeLine();
    if (!canPlay()) {
      // A page that is not safe may not play sound as it arrives either; then one reads the answers.
      if (withMicrophone) throw isSecureContext ? new CannotPlay() : new NoMicrophone("InsecureContext");
      return;
    }
    const line = new Line({
      block: (...block) => this.#block(...block),
      started: (replyId, position) => this.#playing(position),
      finished: () => {},
      unplugged: () => this.#unplugged(),
      interrupted: (isRunning) => this.#interrupted(!isRunning),
    });
    await line.use(this.#devices);
    this.#captured = 0;
    this.#line = line;
    this.#openMicrophone();
    await line.open({ withMicrophone });
  }

  #closeLine() {
    this.#line?.close();
    this.#line = null;
    clearInterval(this.#stalled);
    this.#onLevels(0, 0);
  }

  /** Leave the present connection and everything that waits. */
  #stop() {
    clearTimeout(this.#retry);
    this.#attempt = 0;
    this.#goesOn = false;
    this.#token = null;
    this.#disconnect();
    return ++this.#generation;
  }

  #disconnect() {
    clearTimeout(this.#tail);
    if (this.state.isPushing) this.#set({ isPushing: false });
    this.#socket?.close();
    this.#socket = null;
    this.#uplink?.close();
    this.#uplink = null;
    this.#downlink?.close();
    this.#downlink = null;
    this.#base = null;
    this.#questionEnd = null;
    this.#playback.end();
    this.#line?.clear();
  }

  async #connect() {
    const generation = this.#generation;
    const { isTypedOnly } = this.state;
    this.#set({ stage: "connecting", retryAt: null });
    const [opusUp, opusDown] = await Promise.all([encodesOpus(), decodesOpus()]);
    if (generation !== this.#generation) return;
    const session = { ...MANNERS, ...this.#asked(), recordingConsent: this.#consents };
    // Whoever begins by typing has spoken first.
    if (this.#firstWords) session.greeting = false;
    if (this.#line === null) session.replyModality = "REPLY_MODALITY_TEXT";
    const play = (replyId, samples) => this.#line?.play(replyId, samples);
    const complete = (replyId) => this.#line?.complete(replyId);
    this.#downlink = opusDown ? new OpusDownlink(play, complete) : new PcmDownlink(play, complete);
    const send = (bytes, samples) => this.#sendAudio(bytes, samples);
    if (!isTypedOnly) this.#uplink = opusUp ? new OpusUplink(send) : new PcmUplink(send);
    this.#socket = new Socket(this.#opening(session, { opusUp, opusDown, typedOnly: isTypedOnly }), {
      event: (event) => this.#event(event),
      closed: (end) => this.#closed(end),
    });
  }

  /** The first message: of a new conversation, or of the one that was lost. */
  #opening(session, means) {
    this.#hasChangedSinceOpening = false;
    const token = performance.now() - this.#lostAt < TOKEN_VALID_MS ? this.#token : null;
    this.#isRemembered = this.#goesOn && token !== null;
    if (!this.#isRemembered) {
      this.#unfinished = null;
      return protocol.config(session, means, this.#goesOn ? history(this.state.conversation) : []);
    }
    const changes = { recordingConsent: this.#consents, ...(this.#hasChanged && this.#asked()) };
    return protocol.resumption(token, this.#unfinished, changes, means);
  }

  #event(event) {
    const { kind, body, requestId } = event;
    const context = { at: this.recording.elapsed, name: this.#choice.name };
    switch (kind) {
      case "started":
        this.#offset = Math.round(protocol.seconds(body.audioOffset) * protocol.SAMPLE_RATE);
        this.#started();
        return;
      case "checkpoint":
        this.#token = body.state ?? null;
        return;
      case "replyAudio":
        if (this.#line) this.#playback.begin(body.replyId);
        this.#downlink?.push(body.replyId, protocol.fromBase64(body.audio ?? ""));
        break;
      case "replyReleased":
        this.#downlink?.end(body.replyId);
        break;
      case "replyHeld":
        this.#line?.hold();
        break;
      case "replyResumed":
        this.#line?.resume();
        break;
      case "replyCancelled":
        this.#line?.drop(body.replyId);
        this.#playback.cut(body.replyId);
        break;
      case "replyFinished":
        this.#playback.end(body.replyId);
        break;
      case "userSpeechStarted":
        this.#heardWords = false;
        break;
      case "userWordRecognized":
        this.#heardWords = true;
        this.#questionEndsAt(body.endOffset);
        break;
      case "userSpeechStopped":
        if (!this.#heardWords) this.#questionEndsAt(body.offset);
        break;
      case "userTurnEnded":
        if (body.cause === "SPEECH_CAUSE_TYPED") this.#questionEnd = this.#captured;
        if (body.cause === "SPEECH_CAUSE_SILENCE") this.#questionEnd = null;
        this.#typed.delete(requestId);
        break;
      case "warning":
        this.#note(body.message ?? "");
        if (body.reason === "VOICE_NOT_FOUND") this.#onVoiceGone(this.#choice.id);
        break;
      case "requestRejected":
        this.#rejected(requestId, body);
        break;
    }
    const conversation = after(this.state.conversation, event, context);
    if (conversation !== this.state.conversation) this.#set({ conversation });
  }

  #started() {
    const goesOn = this.#goesOn;
    const text = goesOn ? "The connection was lost, and is back" : "A new conversation began";
    this.#attempt = 0;
    this.#goesOn = this.#hasChanged = false;
    this.#token = null;
    this.#typed.clear();
    this.#set({
      stage: "talking",
      trouble: null,
      latency: null,
      conversation: divided(this.state.conversation, text, this.recording.elapsed, { goesOn, remembers: this.#isRemembered }),
    });
    if (this.#hasChangedSinceOpening) {
      this.#hasChangedSinceOpening = false;
      this.#socket?.send(protocol.update({ ...this.#asked(), recordingConsent: this.#consents }, this.#nextId()));
    }
    if (this.#firstWords) this.say(this.#firstWords);
    this.#firstWords = "";
  }

  #rejected(requestId, { message = "" }) {
    const unsent = this.#typed.get(requestId) ?? "";
    this.#typed.delete(requestId);
    this.#note(words.sentence(message) || "The service did not take this.");
    if (unsent) this.#set({ unsent });
  }

  /** @param {{code: number, error: any, wasStarted: boolean, isOver: boolean}} end */
  #closed({ error, wasStarted, isOver }) {
    this.#socket = null;
    if (isOver) return this.#over();
    if (wasStarted) {
      this.#lostAt = performance.now();
      this.#unfinished = unfinished(this.state.conversation);
    }
    this.#disconnect();
    // The token was of no use. The conversation begins again with what was said.
    if (this.#token && /^CHECKPOINT_/.test(error?.reason)) {
      this.#token = null;
      return void this.#connect();
    }
    if (error?.reason === "VOICE_NOT_FOUND") this.#onVoiceGone(this.#choice.id);
    const trouble = error ? words.serverTrouble(error) : words.connectionTrouble(wasStarted);
    if (trouble.isPassing) {
      this.#goesOn ||= wasStarted;
      this.#waitFor(trouble, protocol.seconds(error?.retryAfter));
    } else this.#giveUp(trouble);
    if (trouble.isPassing && error?.reason !== "AT_CAPACITY" && !error?.service) void this.#askWhatIsDown(trouble);
  }

  /** The conversation has come to its end; the last words may still be playing. */
  #over() {
    const generation = ++this.#generation;
    const ending = words.ending(this.state.conversation.ended, this.#choice.name);
    this.#set({ stage: "ended", ending, trouble: null });
    setTimeout(() => {
      if (generation !== this.#generation) return;
      this.#disconnect();
      this.#closeLine();
    }, FAREWELL_S * 1000);
  }

  #waitFor(trouble, retryAfter) {
    const delay = retryDelay(this.#attempt++, retryAfter);
    const conversation = closed(this.state.conversation);
    this.#set({ stage: "waiting", trouble, conversation, retryAt: performance.now() + delay * 1000 });
    this.#retry = setTimeout(() => void this.#connect(), delay * 1000);
  }

  #giveUp(trouble) {
    this.#stop();
    this.#closeLine();
    const conversation = closed(this.state.conversation);
    this.#set({ stage: conversation.entries.length > 0 ? "ended" : "idle", trouble, conversation });
  }

  #fail(error) {
    if (error instanceof NoMicrophone) this.#giveUp(words.microphoneTrouble(error.name));
    else if (error instanceof CannotPlay) this.#giveUp(words.audioTrouble());
    // What is left is that the audio thread's modules could not be loaded.
    else this.#giveUp(words.connectionTrouble(false));
  }

  /** A lost connection does not tell which part failed; the health report may. */
  async #askWhatIsDown(trouble) {
    const down = words.downParts(await health());
    if (down.length > 0 && this.state.trouble === trouble) {
      this.#set({ trouble: { ...words.partsDown(down), id: trouble.id } });
    }
  }

  #block(person, played, progress) {
    this.#captured += person.length;
    this.recording.add(person, played);
    this.#onLevels(rms(person), rms(played));
    this.#playback.block(progress, this.#line?.outputLatency ?? 0);
    if (this.#uplink && this.state.stage === "talking") {
      // The server counts from the first sample it is sent.
      this.#base ??= this.#captured - person.length - this.#offset;
      this.#uplink.push(person);
    }
  }

  #sendAudio(bytes, samples) {
    const wasLagging = this.#socket?.isLagging;
    if (this.#socket?.sendAudio(bytes, samples / protocol.SAMPLE_RATE)) return;
    this.#base += samples;
    if (this.#socket?.isLagging && !wasLagging) this.#note("Your network is slow: some of what you say is lost.");
  }

  #questionEndsAt(offset) {
    if (this.#base !== null) this.#questionEnd = this.#base + protocol.seconds(offset) * protocol.SAMPLE_RATE;
  }

  /** A reply is heard for the first time. @param {number} position on the line's clock */
  #playing(position) {
    if (this.#questionEnd === null) return;
    const latency = (position - this.#questionEnd) / protocol.SAMPLE_RATE + (this.#line?.outputLatency ?? 0);
    this.#questionEnd = null;
    this.#set({ latency });
  }

  #interrupted(isInterrupted) {
    clearInterval(this.#stalled);
    if (isInterrupted) this.#stalled = setInterval(() => this.#playback.stalled(), STALLED_MS);
    this.#set({ isInterrupted });
  }

  #unplugged() {
    this.#set({ isUnplugged: true });
    // Often there is another one, which the system has already chosen.
    void this.findMicrophone();
  }

  #note(note) {
    clearTimeout(this.#noteTimer);
    this.#noteTimer = setTimeout(() => this.#set({ note: "" }), NOTE_S * 1000);
    this.#set({ note });
  }

  #nextId() {
    return `page_${++this.#requests}`;
  }

  #set(change) {
    this.state = { ...this.state, ...change };
    this.#onChange(this.state);
  }
}

/** This browser has no AudioWorklet. */
class CannotPlay extends Error {}

/** What the mesh says of its parts (`/v1/health`); nothing when the report cannot be had. @returns {Promise<Record<string, any>>} */
export async function health() {
  try {
    const answer = await fetch("/v1/health", { signal: AbortSignal.timeout(5_000) });
    return answer.ok ? await answer.json() : {};
  } catch {
    return {};
  }
}

function rms(samples) {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}
