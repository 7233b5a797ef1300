/** The page: what the person does, and what it leads to. README.md is the map of the rest. */

import { Call, health } from "./call.js";
import { OwnVoiceDialog } from "./ownvoicedialog.js";
import { KEPT_S, isOwn } from "./ownvoice.js";
import { showPeople } from "./people.js";
import { prefer, preferences } from "./preferences.js";
import { transcript } from "./transcript.js";
import { View } from "./view.js";
import { DEFAULT_CHOICE, choices, inOwnVoice } from "./voices.js";
import { keepAwake } from "./wakelock.js";
import { downParts, ownVoiceGone, partsDown } from "./words.js";

const byId = (id) => document.getElementById(id);

const view = new View();
const call = new Call(show, (person, replies) => view.hear(person, replies), loseOwnVoice);
/** Whom one can talk to, and of them the one that was chosen last. */
let people = [DEFAULT_CHOICE];
let listed = DEFAULT_CHOICE;
/** A character in the person's own voice, while there is one. @type {import("./voices.js").Choice | null} */
let own = null;
/** Whom the person talks to: `listed` or `own`. */
let choice = DEFAULT_CHOICE;
/** The person looks at the cards during, or after, a conversation. */
let isChoosing = false;
/** What is down before anybody has called. @type {import("./words.js").Trouble | null} */
let warning = null;

function show() {
  const { state, recording } = call;
  const trouble = state.trouble ?? (state.stage === "idle" ? warning : null);
  view.show({ ...state, trouble }, { isChoosing, choice, recording });
  keepAwake(state.stage === "talking");
  if (state.unsent && byId("words").value === "") byId("words").value = call.takeUnsent();
}

// The call

async function start({ isTypedOnly }) {
  if (!(await mayBegin())) return;
  warning = null;
  isChoosing = false;
  if (isTypedOnly) byId("words").focus();
  await call.start({ isTypedOnly });
}

function isInCall() {
  return ["connecting", "talking", "waiting"].includes(call.state.stage);
}

byId("call").addEventListener("click", () => (isInCall() ? call.hangUp() : start({ isTypedOnly: false })));
byId("switch").addEventListener("click", () => start({ isTypedOnly: !isInCall() }));
byId("mute").addEventListener("click", () => call.mute(!call.state.isMuted));
byId("trouble-retry").addEventListener("click", () =>
  call.state.stage === "waiting" ? call.retryNow() : start({ isTypedOnly: false }),
);
byId("trouble-type").addEventListener("click", () => start({ isTypedOnly: true }));
byId("wake").addEventListener("click", () => call.wake());
byId("find-microphone").addEventListener("click", () => call.findMicrophone());

byId("typing").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = byId("words").value.trim();
  if (text === "" || !(await mayBegin())) return;
  byId("words").value = "";
  isChoosing = false;
  warning = null;
  call.say(text);
});

document.addEventListener("keydown", (event) => {
  const isTyping = event.target instanceof Element && event.target.matches("input:not([type=radio], [type=checkbox]), select");
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
  if (event.key.toLowerCase() !== "m" || isTyping || !isPlain || byId("mute").hidden) return;
  if (preferences().shortcut && document.querySelector("dialog[open]") === null) call.mute(!call.state.isMuted);
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  keepAwake(call.state.stage === "talking");
  // Phones stop the sound of a page that is not in front, and leave it stopped.
  void call.wake();
  view.repaint();
});

// Consent: asked once, before anything is heard

async function mayBegin() {
  if (preferences().consents === null) await askForConsent();
  return preferences().consents !== null;
}

/** Resolves when the person has chosen, or has put the question off. */
function askForConsent() {
  const dialog = byId("consent");
  const answer = (consents) => {
    prefer({ consents });
    call.consent(consents);
    byId("setting-consent").checked = consents;
    dialog.close();
  };
  byId("consent-no").onclick = () => answer(false);
  byId("consent-yes").onclick = () => answer(true);
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
}

// Settings

byId("settings-open").addEventListener("click", () => byId("settings").showModal());
byId("settings-close").addEventListener("click", () => byId("settings").close());
byId("setting-consent").addEventListener("change", ({ target }) => {
  prefer({ consents: target.checked });
  call.consent(target.checked);
});
byId("setting-shortcut").addEventListener("change", ({ target }) => {
  prefer({ shortcut: target.checked });
  showShortcut();
});
byId("setting-theme").addEventListener("change", ({ target }) => {
  prefer({ theme: target.value });
  showTheme();
});

function showTheme() {
  document.documentElement.dataset.theme = preferences().theme;
  view.repaint();
}

function showShortcut() {
  if (preferences().shortcut) byId("mute").setAttribute("aria-keyshortcuts", "M");
  else byId("mute").removeAttribute("aria-keyshortcuts");
}

// Whom to talk to

byId("change").addEventListener("click", () => {
  isChoosing = !isChoosing;
  show();
  if (isChoosing) document.querySelector(".person input:checked")?.focus();
});

function choose(chosen) {
  choice = chosen;
  if (chosen !== own) {
    listed = chosen;
    prefer({ voice: chosen.id });
  }
  call.choose(chosen);
  show();
}

function showChoices() {
  showPeople(byId("people"), own ? [...people, own] : people, choice.id, choose);
}

// A voice of one's own, with the character that was chosen last

let ownVoiceEnds;
let wasMuted = false;

const ownVoiceDialog = new OwnVoiceDialog(
  (id) => {
    const until = new Date(Date.now() + KEPT_S * 1000);
    own = inOwnVoice(listed, id, until.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
    clearTimeout(ownVoiceEnds);
    ownVoiceEnds = setTimeout(() => loseOwnVoice(id), KEPT_S * 1000);
    choose(own);
    showChoices();
    document.querySelector(".person input:checked")?.focus();
  },
  (isListening) => {
    // What is said for the voice is not said to the model.
    if (isListening) wasMuted = call.state.isMuted;
    call.mute(isListening || wasMuted);
  },
);
byId("own-open").addEventListener("click", () => ownVoiceDialog.open());

function loseOwnVoice(id) {
  if (!isOwn(id) || own?.id !== id) return;
  const wasChosen = choice === own;
  own = null;
  clearTimeout(ownVoiceEnds);
  if (wasChosen) choose(listed);
  showChoices();
  if (wasChosen) call.tell(ownVoiceGone(listed.name));
}

async function loadPeople() {
  try {
    const answer = await fetch("/v1/voices", { signal: AbortSignal.timeout(10_000) });
    const offered = answer.ok ? choices(await answer.json()) : [];
    if (offered.length > 0) people = offered;
  } catch {
    // One can talk without the list, with the service's own voice.
  }
  choice = listed = people.find(({ id }) => id === preferences().voice) ?? people[0];
  call.choose(choice);
  showChoices();
}

// Keeping a conversation

byId("save-text").addEventListener("click", () => {
  const text = transcript(call.state.conversation, new Date());
  save(new Blob([text], { type: "text/plain;charset=utf-8" }), "conversation.txt");
});
byId("save-audio").addEventListener("click", () => save(call.recording.wav(), "conversation.wav"));
document.addEventListener("click", ({ target }) => {
  if (!byId("keep").contains(target)) byId("keep").open = false;
});
byId("keep").addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  byId("keep").open = false;
  byId("keep").querySelector("summary").focus();
});

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  byId("keep").open = false;
}

// The beginning

byId("setting-consent").checked = preferences().consents === true;
byId("setting-shortcut").checked = preferences().shortcut;
byId("setting-theme").value = preferences().theme;
showTheme();
showShortcut();
call.consent(preferences().consents === true);
call.choose(choice);
show();
await loadPeople();
show();
document.body.dataset.ready = "";
const report = await health();
const down = downParts(report);
byId("own-open").hidden = report.voice_cloning_up !== true;
if (down.length > 0) {
  warning = { ...partsDown(down), offersTyping: !down.includes("tts") && !down.includes("llm") };
  show();
}
