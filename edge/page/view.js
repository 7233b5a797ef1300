/** Shows a call's state on the page. It reads nothing back: what the person does is `main.js`'s affair. */

import { Captions } from "./captions.js";
import { floor, isAnswering } from "./conversation.js";
import { Orb } from "./orb.js";
import { FLOOR } from "./words.js";

const TICK_MS = 250;
/** Makes an RMS fill the microphone's icon: ordinary speech about half. */
const LEVEL_GAIN = 12;

/** The elements that change, by their ids. @returns {Record<string, any>} */
function elements() {
  return Object.fromEntries([...document.querySelectorAll("[id]")].map((element) => [element.id, element]));
}

export class View {
  #at = elements();
  #captions = new Captions(this.#at["captions-scroll"], this.#at.captions);
  #orb = new Orb(this.#at.orb);
  #countdown;
  #lastState = "";
  /** The entries that were announced. @type {Set<string>} */
  #announced = new Set();

  /** RMS of what both sides sound like now. */
  hear(person, reply) {
    this.#orb.hear(person, reply);
    const level = Math.min(1, person * LEVEL_GAIN).toFixed(2);
    for (const button of [this.#at.mute, this.#at.push]) button.style.setProperty("--level", level);
  }

  /** The colours have changed. */
  repaint() {
    this.#orb.redraw();
  }

  /**
   * @param {import("./call.js").CallState} state
   * @param {{isChoosing: boolean, choice: import("./voices.js").Choice, recording: import("./recording.js").Recording}} page
   */
  show(state, { isChoosing, choice, recording }) {
    const mood = state.stage === "talking" ? floor(state.conversation) : state.stage;
    document.body.dataset.stage = state.stage;
    document.body.dataset.mood = mood;
    this.#orb.feel(mood);
    this.#text("state", FLOOR[mood]);
    this.#text("hint", hint(state, mood, choice.name));
    this.#showControls(state);
    this.#showTrouble(state);
    this.#showNotes(state);
    this.#showTalk(state, isChoosing, choice);
    this.#at.full.hidden = !recording.isFull;
    this.#text("full", `The recording is full: it holds the first ${recording.limitMinutes} minutes.`);
    this.#announce(state, mood);
  }

  #showControls({ stage, isMuted, pushesToTalk, isPushing, isTypedOnly, isSilent, trouble, conversation }) {
    const isInCall = inCall(stage);
    this.#at.call.toggleAttribute("data-hangs-up", isInCall);
    this.#text("call-label", !isInCall ? "Start talking" : stage === "talking" ? "Hang up" : "Cancel");
    this.#at.mute.hidden = stage !== "talking" || isTypedOnly || pushesToTalk;
    this.#at.push.hidden = stage !== "talking" || isTypedOnly || !pushesToTalk;
    this.#at.push.setAttribute("aria-pressed", String(isPushing));
    this.#text("push-label", isPushing ? "Let go to end" : "Hold to talk");
    this.#at.stop.hidden = stage !== "talking";
    this.#at.stop.disabled = !isAnswering(conversation);
    this.#at.mute.setAttribute("aria-pressed", String(isMuted));
    const offer = !isInCall ? "Type instead" : isTypedOnly && !isSilent && stage === "talking" ? "Use the microphone" : "";
    this.#at.switch.hidden = offer === "" || trouble !== null;
    this.#text("switch", offer);
  }

  #showTrouble({ trouble, retryAt, stage }) {
    const isWaiting = stage === "waiting";
    this.#at.trouble.hidden = trouble === null;
    this.#text("trouble-title", trouble?.title ?? "");
    this.#text("trouble-text", trouble?.text ?? "");
    this.#text("trouble-retry", isWaiting ? "Try now" : "Try again");
    this.#at["trouble-retry"].hidden = stage === "connecting";
    this.#at["trouble-type"].hidden = !trouble?.offersTyping || stage === "connecting";
    this.#countDown(isWaiting ? retryAt : null);
  }

  #countDown(until) {
    clearInterval(this.#countdown);
    this.#at.countdown.hidden = until === null;
    if (until === null) return;
    const tick = () => {
      const left = Math.max(0, Math.ceil((until - performance.now()) / 1000));
      this.#text("countdown", left > 0 ? `Next try in ${left} s` : "Trying…");
    };
    tick();
    this.#countdown = setInterval(tick, TICK_MS);
  }

  #showNotes({ note, isInterrupted, isUnplugged, isTypedOnly, stage, latency, trouble }) {
    this.#at.interrupted.hidden = !isInterrupted || !inCall(stage);
    this.#at.unplugged.hidden = !isUnplugged || isTypedOnly || !inCall(stage);
    this.#at.note.hidden = note === "";
    this.#text("note", note);
    this.#at.latency.hidden = latency === null || trouble !== null;
    this.#text("latency", latency === null ? "" : `Last answer after ${latency.toFixed(2)} s`);
  }

  #showTalk({ stage, conversation }, isChoosing, choice) {
    const isEmpty = conversation.entries.length === 0;
    const hasNothingElse = isEmpty && stage !== "talking";
    const showsPeople = isChoosing || hasNothingElse;
    this.#at.people.hidden = !showsPeople;
    document.body.toggleAttribute("data-choosing", isChoosing && !hasNothingElse);
    this.#at["captions-scroll"].hidden = hasNothingElse;
    this.#at.change.hidden = hasNothingElse;
    this.#at.change.setAttribute("aria-expanded", String(isChoosing));
    this.#text("change", isChoosing ? "Back" : "Change");
    this.#at.keep.hidden = isEmpty;
    this.#text("partner-name", showsPeople ? "Who would you like to talk to?" : choice.name);
    this.#text("partner-language", showsPeople ? "" : choice.language);
    this.#captions.show(conversation.entries);
  }

  /** Tell screen readers what has come to an end: word by word nobody could follow. */
  #announce({ conversation, trouble, note }, mood) {
    const said = [];
    const state = trouble ? `${trouble.title}. ${trouble.text}` : note || FLOOR[mood];
    // Listening and speaking alternate with what is said, which tells as much.
    const isNews = trouble || note || !["listening", "hearing", "thinking", "speaking"].includes(mood);
    if (isNews && state !== this.#lastState) said.push(state);
    this.#lastState = state;
    for (const entry of conversation.entries) {
      const key = `${entry.kind} ${entry.id} ${entry.at}`;
      if (!isComplete(entry) || this.#announced.has(key)) continue;
      this.#announced.add(key);
      said.push(aloud(entry));
    }
    if (said.length > 0) this.#text("announcer", said.join(" "));
  }

  #text(id, text) {
    if (this.#at[id].textContent !== text) this.#at[id].textContent = text;
  }
}

function inCall(stage) {
  return stage === "connecting" || stage === "talking" || stage === "waiting";
}

/** One sentence below the state: what the person can do. */
function hint({ stage, isMuted, pushesToTalk, isPushing, isTypedOnly, isSilent, ending, trouble }, mood, name) {
  switch (stage) {
    case "idle":
      return trouble ? "" : `Talk with ${name}. Speak over the answer whenever you like.`;
    case "connecting":
      return isTypedOnly || trouble ? "" : "Your browser may ask whether it may use the microphone.";
    case "ended":
      return ending;
    case "talking":
      if (isSilent) return mood === "listening" ? "Type, and read the answer here." : "";
      if (isTypedOnly) return mood === "listening" ? "Type, and you will be answered aloud." : "";
      if (pushesToTalk) return isPushing ? "Let go when you have said it." : "Hold the button or the space bar while you talk.";
      if (mood === "held") return "Go on, I am listening.";
      if (isMuted) return `${name} hears silence until you unmute.`;
      return mood === "speaking" ? "Just speak to interrupt." : mood === "listening" ? "Say something." : "";
    default:
      return "";
  }
}

function isComplete(entry) {
  if (entry.kind === "turn") return !entry.isOpen;
  return entry.kind === "divider" || entry.phase === "finished" || entry.phase === "cut";
}

function aloud(entry) {
  if (entry.kind === "turn") return `You: ${entry.text}`;
  if (entry.kind === "divider") return `${entry.text}.`;
  const isCut = entry.phase === "cut" && entry.spoken < entry.text.length;
  return `${entry.name}: ${isCut ? `${entry.text.slice(0, entry.spoken)}, interrupted.` : entry.text}`;
}
