/**
 * The conversation as the page shows it, made of the server's events: a pure function of state and event. Entries that
 * an event does not concern stay the same objects, so that a view redraws only what has changed.
 *
 * @typedef {object} Turn of the person's
 * @property {"turn"} kind
 * @property {string} id
 * @property {number} at when it began, in seconds of the recording
 * @property {string} text the words that are certain
 * @property {string} partial the words after them that may still change
 * @property {boolean} isOpen
 * @property {boolean} isTyped
 *
 * @typedef {object} Reply
 * @property {"reply"} kind
 * @property {string} id
 * @property {number} at
 * @property {string} name who speaks
 * @property {string} text
 * @property {number} spoken how many characters of `text` have been heard, or are being
 * @property {"preparing" | "speaking" | "held" | "finished" | "cut"} phase
 *
 * @typedef {object} Divider between two conversations, or where one was interrupted
 * @property {"divider"} kind
 * @property {string} id
 * @property {number} at
 * @property {string} text
 * @property {boolean} goesOn the conversation is the one before
 *
 * @typedef {object} Conversation
 * @property {readonly (Turn | Reply | Divider)[]} entries
 * @property {boolean} isAnswerDue a turn of the person's has ended and no reply has come yet
 * @property {string | null} ended why it is over: an `EndCause`
 */

/** What stands for a turn in which the person said nothing for a long time. */
const SILENCE = "...";

/** @type {Conversation} */
export const NOTHING_YET = Object.freeze({ entries: [], isAnswerDue: false, ended: null });

/**
 * The conversation after an event.
 *
 * @param {Conversation} state
 * @param {{kind: string, body: Record<string, any>}} event as `protocol.parsed` gives it
 * @param {{at: number, name: string}} context when it came, in seconds of the recording; who the person talks to
 * @returns {Conversation}
 */
export function after(state, { kind, body }, { at, name }) {
  switch (kind) {
    case "userSpeechStarted":
      return body.cause === "SPEECH_CAUSE_TYPED" ? state : inTurn(state, body.itemId, at, (turn) => turn);
    case "userWordRecognized":
      return inTurn(state, body.itemId, at, (turn) => ({ ...turn, text: `${turn.text} ${body.text}`.trim() }));
    case "userPartialTranscript":
      return inOpenTurn(state, (turn) => ({ ...turn, partial: body.text ?? "" }));
    case "userTurnEnded":
      return turnEnded(state, body, at);
    case "userTurnRestored":
      return inTurn(state, body.itemId, at, (turn) => ({
        ...turn,
        text: body.text ?? "",
        partial: "",
        isOpen: !body.ended,
        isTyped: body.cause === "SPEECH_CAUSE_TYPED",
      }));
    case "userTurnDiscarded":
      return without(state, body.itemId);
    case "replyCreated": {
      const reply = { kind: "reply", id: body.replyId, at, name, text: "", spoken: 0, phase: "preparing" };
      return { ...state, entries: [...state.entries, reply], isAnswerDue: false };
    }
    case "replyTextDelta":
      return inReply(state, body.replyId, (reply) => ({ ...reply, text: reply.text + (body.text ?? "") }));
    case "replyAudio":
      return inReply(state, body.replyId, (reply) =>
        reply.phase === "preparing" ? { ...reply, phase: "speaking", at } : reply,
      );
    case "replyWordSpoken":
      return inReply(state, body.replyId, (reply) => ({ ...reply, spoken: endOfWords(reply.text, 1, reply.spoken) }));
    case "replyHeld":
      return inReply(state, body.replyId, (reply) => ({ ...reply, phase: "held" }));
    case "replyResumed":
      return inReply(state, body.replyId, (reply) => ({ ...reply, phase: "speaking" }));
    case "replyFinished":
      return inReply(state, body.replyId, (reply) => finished(reply, body.text));
    case "replyCancelled":
      return cancelled(state, body);
    case "conversationEnded":
      return { ...closed(state), ended: body.cause ?? "END_CAUSE_UNSPECIFIED" };
    default:
      return state;
  }
}

/** The conversation was broken off: nothing more of it will come. */
export function closed(state) {
  const entries = state.entries
    .map((entry) => {
      if (entry.kind === "turn" && entry.isOpen) return { ...entry, isOpen: false, partial: "" };
      if (entry.kind === "reply" && isAlive(entry)) return { ...entry, phase: "cut" };
      return entry;
    })
    .filter((entry) => entry.kind === "divider" || entry.text !== "");
  return { ...state, entries, isAnswerDue: false };
}

/**
 * A new conversation begins below what is there, or the one that was interrupted goes on. The server counts its turns and
 * replies from 1 again, unless it `remembers` the conversation: what is there then takes ids that no event will name.
 */
export function divided(state, text, at, { goesOn = false, remembers = false } = {}) {
  const { entries } = closed(state);
  if (entries.length === 0) return NOTHING_YET;
  const before = remembers ? entries : entries.map((entry) => ({ ...entry, id: `${entry.id}_before_${entries.length}` }));
  return { ...NOTHING_YET, entries: [...before, { kind: "divider", id: `divider_${entries.length}`, at, text, goesOn }] };
}

/** What the contract takes of a history; the oldest goes first. */
const MOST_ITEMS = 1_000;
const MOST_CHARACTERS = 200_000;
const MOST_IN_ITEM = 10_000;

/** What was said and heard in the present conversation, oldest first: the `history` of a `ConverseConfig`. @param {Conversation} state */
export function history({ entries }) {
  const start = entries.findLastIndex((entry) => entry.kind === "divider" && !entry.goesOn) + 1;
  const items = [];
  let characters = 0;
  for (const entry of entries.slice(start).reverse()) {
    if (entry.kind === "divider") continue;
    const heard = entry.kind === "reply" ? entry.text.slice(0, entry.spoken) : entry.text;
    // Characters are Unicode's for the service.
    const text = [...heard.trim()].slice(0, MOST_IN_ITEM);
    characters += text.length;
    if (items.length === MOST_ITEMS || characters > MOST_CHARACTERS) break;
    const role = entry.kind === "reply" ? "HISTORY_ROLE_ASSISTANT" : "HISTORY_ROLE_USER";
    if (text.length > 0) items.unshift({ role, text: text.join("") });
  }
  return items;
}

/** Whether a reply is being prepared or spoken. @param {Conversation} state */
export function isAnswering({ entries }) {
  return entries.some((entry) => entry.kind === "reply" && isAlive(entry));
}

/**
 * Who has the floor.
 *
 * @param {Conversation} state
 * @returns {"held" | "hearing" | "speaking" | "thinking" | "listening"}
 */
export function floor(state) {
  const reply = state.entries.findLast((entry) => entry.kind === "reply" && isAlive(entry));
  if (reply?.phase === "held") return "held";
  if (state.entries.some((entry) => entry.kind === "turn" && entry.isOpen)) return "hearing";
  if (reply?.phase === "speaking") return "speaking";
  return reply || state.isAnswerDue ? "thinking" : "listening";
}

/** The reply that is not over, as a `ReplySoFar`; null when there is none. @param {Conversation} state */
export function unfinished({ entries }) {
  const reply = entries.findLast((entry) => entry.kind === "reply" && isAlive(entry));
  return reply ? { replyId: reply.id, text: reply.text, heardText: reply.text.slice(0, reply.spoken).trim() } : null;
}

/** How many characters of `text` its first `count` words take, from index `from` on. */
export function endOfWords(text, count, from = 0) {
  const word = /\s*\S+/y;
  word.lastIndex = from;
  for (let found = 0; found < count && word.test(text); found++) from = word.lastIndex;
  return from;
}

function isAlive(reply) {
  return reply.phase !== "finished" && reply.phase !== "cut";
}

function inTurn(state, itemId, at, change) {
  const known = state.entries.find((entry) => entry.kind === "turn" && entry.id === itemId);
  if (known) return replaced(state, known, change(known));
  const turn = { kind: "turn", id: itemId, at, text: "", partial: "", isOpen: true, isTyped: false };
  return { ...state, entries: [...state.entries, change(turn)], isAnswerDue: false };
}

function inOpenTurn(state, change) {
  const open = state.entries.findLast((entry) => entry.kind === "turn" && entry.isOpen);
  return open ? replaced(state, open, change(open)) : state;
}

function inReply(state, replyId, change) {
  const reply = state.entries.findLast((entry) => entry.kind === "reply" && entry.id === replyId);
  return reply && isAlive(reply) ? replaced(state, reply, change(reply)) : state;
}

function turnEnded(state, body, at) {
  if (body.text === SILENCE || !body.text) return { ...without(state, body.itemId), isAnswerDue: true };
  const isTyped = body.cause === "SPEECH_CAUSE_TYPED";
  const ended = inTurn(state, body.itemId, at, (turn) => ({
    ...turn,
    text: body.text,
    partial: "",
    isOpen: false,
    isTyped,
  }));
  return { ...ended, isAnswerDue: true };
}

function finished(reply, text) {
  const whole = text ?? reply.text;
  return { ...reply, text: whole, spoken: whole.length, phase: "finished" };
}

/** A reply of which nothing was heard is forgotten, by the model too; of any other, what was not heard is cut. */
function cancelled(state, { replyId, heardText, cause }) {
  const reply = state.entries.findLast((entry) => entry.kind === "reply" && entry.id === replyId);
  if (!reply || !isAlive(reply)) return state;
  // A reply that no voice could say is the only way to learn what the answer was.
  if (!heardText && reply.spoken === 0 && cause !== "CANCEL_CAUSE_FAILED") return without(state, replyId);
  const words = (heardText ?? "").split(/\s+/).filter(Boolean).length;
  return replaced(state, reply, { ...reply, spoken: endOfWords(reply.text, words), phase: "cut" });
}

function without(state, id) {
  return { ...state, entries: state.entries.filter((entry) => entry.id !== id) };
}

function replaced(state, old, entry) {
  return entry === old ? state : { ...state, entries: state.entries.map((each) => (each === old ? entry : each)) };
}
