/** The page: what the person does, and what it leads to. README.md is the map of the rest. */

import { Call, health } from "./call.js";
import { OwnVoiceDialog } from "./ownvoicedialog.js";
import { KEPT_S, isOwn } from "./ownvoice.js";
import { devices } from "./devices.js";
import { showPeople, showPlaying } from "./people.js";
import { prefer, preferences } from "./preferences.js";
import { Samples } from "./samples.js";
import { transcript } from "./transcript.js";
import { View } from "./view.js";
import { DEFAULT_CHOICE, choices, inOwnVoice, languages, playedByRules } from "./voices.js";
import { keepAwake } from "./wakelock.js";
import { aboutOwnVoice, downParts, noSample, ownVoiceGone, partsDown, whatAnswers } from "./words.js";

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
/** What `/v1/health` said when the page was opened; empty before. @type {Record<string, any>} */
let report = {};
const samples = new Samples(
  () => showPlaying(byId("people"), samples.playing),
  () => call.tell(noSample()),
);
/** The person looks at the cards during, or after, a conversation. */
let isChoosing = false;
/** What is down before anybody has called. @type {import("./words.js").Trouble | null} */
let warning = null;

function show() {
  const { state, recording } = call;
  const trouble = state.trouble ?? (state.stage === "idle" ? warning : null);
  const couldPush = !byId("push").hidden;
  view.show({ ...state, trouble }, { isChoosing, choice, recording });
  // The space bar talks from the start, and does not hang up.
  if (!couldPush && !byId("push").hidden && document.activeElement === byId("call")) byId("push").focus();
  keepAwake(state.stage === "talking");
  if (state.unsent && byId("words").value === "") byId("words").value = call.takeUnsent();
}

// The call

async function start({ isTypedOnly }) {
  if (!(await mayBegin())) return;
  warning = null;
  isChoosing = false;
  samples.stop();
  if (isTypedOnly) byId("words").focus();
  await call.start({ isTypedOnly });
}

function isInCall() {
  return ["connecting", "talking", "waiting"].includes(call.state.stage);
}

byId("call").addEventListener("click", () => (isInCall() ? call.hangUp() : start({ isTypedOnly: false })));
byId("switch").addEventListener("click", () => start({ isTypedOnly: !isInCall() }));
byId("mute").addEventListener("click", () => call.mute(!call.state.isMuted));
byId("stop").addEventListener("click", () => call.stopReply());
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

// Push to talk. Whoever cannot hold a button down taps it, and taps it again at the end.

/** A push that is shorter is a tap. */
const TAP_MS = 300;
let pushedAt = 0;

function push() {
  if (call.state.isPushing) {
    call.letGo();
    return;
  }
  pushedAt = performance.now();
  call.push();
}

function letGo() {
  if (performance.now() - pushedAt >= TAP_MS) call.letGo();
}

byId("push").addEventListener("pointerdown", (event) => {
  // So that letting go beside the button counts too.
  byId("push").setPointerCapture(event.pointerId);
  push();
});
byId("push").addEventListener("lostpointercapture", letGo);
// Clicks that stand for a key, or for a program that reads the page aloud, have no `detail`.
byId("push").addEventListener("click", ({ detail }) => {
  if (detail === 0) push();
});
byId("push").addEventListener("contextmenu", (event) => event.preventDefault());
// A window that is left while the space bar is down does not see it come up.
window.addEventListener("blur", letGo);

// Keys

document.addEventListener("keydown", (event) => {
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
  if (document.querySelector("dialog[open]") !== null) return;
  if (event.key === " " && !byId("push").hidden && !isTakenBy(event.target, "button:not(#push)")) {
    event.preventDefault();
    if (isPlain) push();
  }
  if (event.key === "Escape" && isPlain) call.stopReply();
  if (event.key.toLowerCase() !== "m" || isTakenBy(event.target) || !isPlain || byId("mute").hidden) return;
  if (preferences().shortcut) call.mute(!call.state.isMuted);
});

document.addEventListener("keyup", (event) => {
  if (event.key !== " " || byId("push").hidden || isTakenBy(event.target, "button:not(#push)")) return;
  event.preventDefault();
  letGo();
});

/** Whether what has the focus takes keys for itself. */
function isTakenBy(target, more = "select") {
  return target instanceof Element && target.matches(`input:not([type=radio], [type=checkbox]), select, textarea, summary, ${more}`);
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  keepAwake(call.state.stage === "talking");
  // Phones stop the sound of a page that is not in front, and leave it stopped.
  void call.wake();
  view.repaint();
});

// Consent: asked once, before anything is heard

async function mayBegin() {
  // Where nothing can be recorded there is nothing to ask.
  if (report.can_record === false) return true;
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

byId("settings-open").addEventListener("click", () => {
  void showDevices();
  byId("settings").showModal();
});
byId("settings-close").addEventListener("click", () => byId("settings").close());
byId("setting-consent").addEventListener("change", ({ target }) => {
  prefer({ consents: target.checked });
  call.consent(target.checked);
});
byId("setting-shortcut").addEventListener("change", ({ target }) => {
  prefer({ shortcut: target.checked });
  showShortcut();
});
byId("setting-push").addEventListener("change", ({ target }) => {
  prefer({ push: target.checked });
  call.pushToTalk(target.checked);
});
byId("setting-theme").addEventListener("change", ({ target }) => {
  prefer({ theme: target.value });
  showTheme();
});

byId("setting-prompt").addEventListener("change", ({ target }) => call.wish({ prompt: target.value.trim() }));
for (const name of ["language", "eagerness"]) {
  byId(`setting-${name}`).addEventListener("change", ({ target }) => {
    prefer({ [name]: target.value });
    call.wish({ [name]: target.value });
  });
}
for (const kind of ["microphone", "loudspeaker"]) {
  byId(`setting-${kind}`).addEventListener("change", ({ target }) => {
    prefer({ [kind]: target.value });
    useDevices();
  });
}

function useDevices() {
  const { microphone, loudspeaker } = preferences();
  samples.loudspeaker = loudspeaker;
  void call.use({ microphone, loudspeaker });
}

async function showDevices() {
  const { microphones, loudspeakers } = await devices();
  showOptions("microphone", microphones, preferences().microphone);
  showOptions("loudspeaker", loudspeakers, preferences().loudspeaker);
}

/** The devices of a kind to choose from. A choice of one is shown only where there are some. */
function showOptions(kind, found, chosen) {
  byId(`${kind}s`).hidden = found.length === 0;
  const options = [{ id: "", name: "As the system" }, ...found];
  byId(`setting-${kind}`).replaceChildren(...options.map(({ id, name }) => new Option(name, id)));
  byId(`setting-${kind}`).value = found.some(({ id }) => id === chosen) ? chosen : "";
}

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
  showPeople(byId("people"), own ? [...people, own] : people, choice.id, {
    choose,
    close: () => {
      isChoosing = false;
      show();
    },
    hear: ({ id }) => samples.toggle(id),
  });
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
  if (report.answers_by_rules) people = playedByRules(people);
  choice = listed = people.find(({ id }) => id === preferences().voice) ?? people[0];
  call.choose(choice);
  showChoices();
  showLanguages();
}

function showLanguages() {
  const options = [{ code: "", name: "As the voice" }, ...languages(people)];
  byId("setting-language").replaceChildren(...options.map(({ code, name }) => new Option(name, code)));
  const { language } = preferences();
  byId("setting-language").value = options.some(({ code }) => code === language) ? language : "";
  call.wish({ language: byId("setting-language").value });
}

/** What `/v1/health` says of the service, as far as the page shows it. */
function showService() {
  byId("answers").textContent = whatAnswers(report);
  byId("answers").hidden = byId("answers").textContent === "";
  const about = aboutOwnVoice(report.clones_pitch_only === true);
  byId("own-about").textContent = about.card;
  byId("own-title").textContent = about.title;
  byId("own-makes").textContent = about.voice;
  byId("own-open").hidden = report.voice_cloning_up !== true;
  byId("recording").hidden = report.can_record === false;
  byId("instructions").hidden = report.answers_by_rules === true;
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
byId("setting-push").checked = preferences().push;
byId("setting-theme").value = preferences().theme;
byId("setting-eagerness").value = preferences().eagerness;
call.wish({ eagerness: preferences().eagerness });
call.pushToTalk(preferences().push);
showTheme();
showShortcut();
call.consent(preferences().consents === true);
call.choose(choice);
show();
useDevices();
report = await health();
showService();
await loadPeople();
show();
document.body.dataset.ready = "";
const down = downParts(report);
if (down.length > 0) {
  warning = { ...partsDown(down), offersTyping: !down.includes("tts") && !down.includes("llm") };
  show();
}
