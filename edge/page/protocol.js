/**
 * The messages of `/v1/converse`: protobuf's JSON form of `ConverseRequest` and `ConverseResponse`
 * (protos/parley/conversation/v1), one a text frame.
 */

export const PATH = "/v1/converse";
export const SAMPLE_RATE = 24_000;

const OGG_OPUS = { encoding: "AUDIO_ENCODING_OGG_OPUS" };

/**
 * The first message. Formats that are left out are 16-bit PCM, which every browser can make and play.
 *
 * @param {object} session a `SessionConfig`
 * @param {{opusUp?: boolean, opusDown?: boolean, typedOnly?: boolean}} means
 * @param {object[]} history the `HistoryItem`s of what was said before
 */
export function config(session, means = {}, history = []) {
  return { config: { session, ...withMeans(means), ...(history.length > 0 && { history }) } };
}

/**
 * The first message of a connection that goes on with the conversation of another one.
 *
 * @param {string} token `Checkpoint.state` of that connection
 * @param {object | null} reply the `ReplySoFar` that was in progress
 * @param {object} session the fields of a `SessionConfig` that have changed
 * @param {{opusUp?: boolean, opusDown?: boolean, typedOnly?: boolean}} means
 */
export function resumption(token, reply, session, means = {}) {
  return { config: { session, ...withMeans(means), resume: { checkpoint: token, ...(reply && { reply }) } } };
}

function withMeans({ opusUp = false, opusDown = false, typedOnly = false }) {
  return {
    checkpoints: true,
    ...(opusUp && !typedOnly && { inputFormat: OGG_OPUS }),
    ...(opusDown && { outputFormat: OGG_OPUS }),
    ...(typedOnly && { typedOnly }),
  };
}

/** @param {Uint8Array} bytes */
export function audio(bytes) {
  return { audio: { audio: toBase64(bytes) } };
}

/** A typed turn; a rejection of it carries `requestId`. */
export function text(words, requestId) {
  return { requestId, text: { text: words } };
}

/** Stop the reply that is being prepared or spoken. */
export function cancelReply(requestId) {
  return { requestId, cancelReply: {} };
}

/** The person's turn is over. */
export function commitTurn(requestId) {
  return { requestId, commitTurn: {} };
}

/** How far a reply has been played: a `ReplyPlayback`. */
export function playback(replyId, seconds, paused) {
  return { playback: { replyId, playedDuration: `${seconds.toFixed(3)}s`, paused } };
}

/** @param {object} session the fields of a `SessionConfig` to change */
export function update(session, requestId) {
  return { requestId, update: { session } };
}

/**
 * What a text frame says: the member that is set and its fields. Null for anything this page does not understand: a
 * newer server may say more.
 *
 * @param {string} frame
 * @returns {{kind: string, body: Record<string, any>, requestId?: string} | null}
 */
export function parsed(frame) {
  let message;
  try {
    message = JSON.parse(frame);
  } catch {
    return null;
  }
  if (typeof message !== "object" || message === null) return null;
  const { requestId, ...members } = message;
  const kind = Object.keys(members)[0];
  return kind === undefined ? null : { kind, body: members[kind] ?? {}, requestId };
}

/** Seconds of a protobuf duration ("0.320s"); fields with their default value are left out, so undefined is 0. */
export function seconds(duration) {
  const value = Number.parseFloat(duration ?? "0");
  return Number.isFinite(value) ? value : 0;
}

/** @param {Uint8Array} bytes */
export function toBase64(bytes) {
  let binary = "";
  // In slices: a call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(binary);
}

/** @returns {Uint8Array} */
export function fromBase64(encoded) {
  return Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
}
