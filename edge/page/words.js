/** What the page says when something is in the way: what it is, and what to do next. */

/**
 * @typedef {object} Trouble
 * @property {string} id for programs
 * @property {string} title
 * @property {string} text
 * @property {boolean} isPassing whether trying again by itself makes sense
 * @property {boolean} [offersTyping] whether a typed conversation would get around it
 */

/** @type {Record<string, string>} By what `service` an error names, and by the keys of `/v1/health`. */
const PARTS = {
  orchestrator: "The part that holds conversations",
  "speech recognition": "The part that understands speech",
  "speech synthesis": "The part that gives replies a voice",
  "language model": "The language model",
  "voice service": "The list of voices",
  stt: "The part that understands speech",
  tts: "The part that gives replies a voice",
  llm: "The language model",
};

/** What a person reads for each place a conversation can be in. */
export const FLOOR = {
  idle: "Ready when you are",
  connecting: "Connecting",
  waiting: "Waiting to try again",
  listening: "Listening",
  hearing: "Hearing you",
  thinking: "Thinking",
  speaking: "Speaking",
  held: "Paused",
  ended: "The conversation has ended",
};

/** Why a conversation is over, by `EndCause` or by who ended it. */
export function ending(cause, name) {
  if (cause === "END_CAUSE_GOODBYE") return `${name} said goodbye.`;
  if (cause === "END_CAUSE_SILENCE") return `${name} heard nothing more from you.`;
  if (cause === "hung-up" || cause === "END_CAUSE_FINISHED") return "You hung up.";
  return "";
}

/** The microphone cannot be used, by the name of `getUserMedia`'s error. @returns {Trouble} */
export function microphoneTrouble(name) {
  const trouble = (title, text) => ({ id: `microphone-${name}`, title, text, isPassing: false, offersTyping: true });
  switch (name) {
    case "InsecureContext":
      return trouble(
        "Browsers share a microphone only with safe pages",
        "Open this page over https://, or on the computer it runs on as http://localhost. Until then you can type.",
      );
    case "NotAllowedError":
    case "SecurityError":
      return trouble(
        "The microphone is blocked",
        "Allow it with the icon beside the address of this page, or in your system’s privacy settings, and try again. You can also type.",
      );
    case "NotFoundError":
    case "OverconstrainedError":
      return trouble(
        "No microphone was found",
        "Plug one in, or switch it on, and try again. You can also type.",
      );
    case "NotReadableError":
    case "AbortError":
      return trouble(
        "The microphone is busy",
        "Another program seems to be using it. Close that one and try again. You can also type.",
      );
    default:
      return trouble("The microphone did not start", "Try again, or reload the page. You can also type.");
  }
}

/** This browser has no means to play or to take sound. @returns {Trouble} */
export function audioTrouble() {
  return {
    id: "audio",
    title: "This browser cannot play live sound",
    text: "It lacks AudioWorklet. Use a current Chrome, Edge, Firefox or Safari.",
    isPassing: false,
  };
}

/**
 * The server ended the conversation, or did not begin it.
 *
 * @param {{reason: string, message?: string, service?: string, field?: string}} error
 * @returns {Trouble}
 */
export function serverTrouble({ reason, message = "", service, field }) {
  const passing = (title, text) => ({ id: reason, title, text, isPassing: true });
  const lasting = (title, text) => ({ id: reason, title, text, isPassing: false });
  switch (reason) {
    case "AT_CAPACITY":
      return {
        ...passing("All places are taken", "The page connects as soon as one is free."),
        offersTyping: service === undefined || service === "speech recognition",
      };
    case "UPSTREAM_DOWN":
      return partsDown(service === undefined ? [] : [service]);
    case "DRAINING":
      return passing("The service is restarting", "This takes a moment.");
    case "IDLE":
      return lasting("You were away for a while", "The conversation was closed meanwhile. Start again when you like.");
    case "VOICE_NOT_FOUND":
      return lasting("This voice is gone", "Choose another one and start again.");
    case "BAD_REQUEST":
      if (field?.includes("instructions")) return lasting("This character does not exist here", sentence(message));
      return lasting("The service did not take this", sentence(message));
    case "BAD_AUDIO_FORMAT":
      return lasting("The service does not accept this sound", sentence(message));
    default:
      return passing("Something went wrong on the server", sentence(message) || "This is not your fault.");
  }
}

/** The connection broke, or none came about. @returns {Trouble} */
export function connectionTrouble(wasTalking) {
  const title = wasTalking ? "The connection was lost" : "The service cannot be reached";
  const text = wasTalking
    ? "What was said stays here. The conversation goes on when the connection is back."
    : "Perhaps it is restarting, or your network is down.";
  return { id: "connection", title, text, isPassing: true };
}

/** One or more parts of the mesh are down. @param {string[]} parts keys of `PARTS` @returns {Trouble} */
export function partsDown(parts) {
  const names = parts.map((part) => PARTS[part] ?? `A part (${part})`);
  const title =
    names.length === 0
      ? "A part of the service is down"
      : `${names.map((name, i) => (i === 0 ? name : name[0].toLowerCase() + name.slice(1))).join(" and ")} ${names.length > 1 ? "are" : "is"} down`;
  return { id: "part-down", title, text: "The page keeps trying.", isPassing: true };
}

/** The parts that `/v1/health` reports as down. @param {Record<string, boolean>} report */
export function downParts(report) {
  return ["stt", "tts", "llm"].filter((part) => report[`${part}_up`] === false);
}

/** What a program said, as a sentence. */
export function sentence(text) {
  const trimmed = text.trim();
  if (trimmed === "") return "";
  const capital = trimmed[0].toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(capital) ? capital : `${capital}.`;
}

/** No voice was made of a recording, by the answer's status, and its reason if it gives one. */
export function uploadTrouble(status, detail = "") {
  switch (status) {
    case 0:
      return "The service could not be reached. Try again in a moment.";
    case 400:
      return `${sentence(detail) || "This cannot be used."} Try another recording.`;
    case 408:
      return "Your network is slow: the recording did not arrive in time. Try a shorter one.";
    case 413:
      return "This file is too large: it may have 4 MB. Ten seconds of speech are enough.";
    case 503:
      return "No voice can be made just now. Try again in a little while.";
    default:
      return sentence(detail) || "The service did not take this. Try again.";
  }
}

export function tooShort(seconds) {
  return `That was too short: speak for at least ${seconds} seconds.`;
}

/** A voice cannot be heard before a conversation. */
export function noSample() {
  return "This voice cannot be played just now.";
}

/** What gives the answers, by `/v1/health`; "" where that is not known. @param {Record<string, any>} report */
export function whatAnswers({ answers_by_rules: byRules, model }) {
  if (byRules) return "The answers come from built-in rules, not from a language model.";
  return model ? `${model} gives the answers.` : "";
}

/** What a voice of the person's own is, and what happens to the recording. @param {boolean} isPitchOnly */
export function aboutOwnVoice(isPitchOnly) {
  return isPitchOnly
    ? { card: "The eSpeak voice, at the pitch and pace of yours.", title: "Be answered at your pitch", voice: "sets the eSpeak voice to your pitch and pace. It will not sound like you." }
    : { card: "Record ten seconds, and be answered in it.", title: "Be answered in your own voice", voice: "makes a voice of it." };
}

/** The person's own voice is no longer there. */
export function ownVoiceGone(name) {
  return `Your own voice is no longer kept. ${name} speaks with the usual voice again.`;
}

/** A time in a conversation: "1:05". */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
