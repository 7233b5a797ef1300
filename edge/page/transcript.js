/** A conversation as text, for the person to keep. */

import { clock } from "./words.js";

/**
 * @param {import("./conversation.js").Conversation} conversation
 * @param {Date} date when it was saved
 */
export function transcript(conversation, date) {
  const lines = conversation.entries.map(line).filter(Boolean);
  return [`Parley, ${date.toLocaleString()}`, "Times are positions in the recording.", "", ...lines, ""].join("\n");
}

function line(entry) {
  const time = `[${clock(entry.at)}]`;
  switch (entry.kind) {
    case "turn":
      return entry.text && `${time} You${entry.isTyped ? " (typed)" : ""}: ${entry.text}`;
    case "reply":
      return entry.text && `${time} ${entry.name}: ${replyText(entry)}`;
    default:
      return `\n${time} --- ${entry.text} ---\n`;
  }
}

function replyText({ text, spoken, phase }) {
  if (phase !== "cut" || spoken >= text.length) return text;
  return `${text.slice(0, spoken)} [not heard: ${text.slice(spoken).trim()}]`.trim();
}
