/** The cards from which a person chooses whom to talk to: radio buttons, so that arrow keys work. */

import { isOwn } from "./ownvoice.js";

/**
 * @typedef {object} Wishes what a card can lead to
 * @property {(choice: import("./voices.js").Choice) => void} choose
 * @property {() => void} close a card was clicked: nobody goes on choosing, as with the arrow keys
 * @property {(choice: import("./voices.js").Choice) => void} hear
 */

/**
 * @param {HTMLElement} fieldset
 * @param {import("./voices.js").Choice[]} choices
 * @param {string} chosen the id of one of them
 * @param {Wishes} wishes
 */
export function showPeople(fieldset, choices, chosen, wishes) {
  for (const old of fieldset.querySelectorAll(".card")) old.remove();
  // Several characters may share a voice; the first of them is the one that its id stands for.
  const first = choices.findIndex((choice) => choice.id === chosen);
  const cards = choices.map((choice, index) => card(choice, index === first, wishes));
  // What offers to make another one comes last.
  fieldset.querySelector(".own").before(...cards);
  reachChosen(fieldset);
}

/** Of all samples the tab key reaches that of the chosen voice. */
function reachChosen(fieldset) {
  for (const button of fieldset.querySelectorAll(".hear")) {
    button.tabIndex = button.closest(".card").querySelector("input").checked ? 0 : -1;
  }
}

/** Show whose sample is being played. @param {HTMLElement} fieldset @param {string} playing a voice's id, or "" */
export function showPlaying(fieldset, playing) {
  for (const button of fieldset.querySelectorAll(".hear")) {
    button.setAttribute("aria-pressed", String(button.dataset.voice === playing));
  }
}

function card(choice, isChosen, { choose, close, hear }) {
  const label = element("label", "person");
  const radio = element("input");
  radio.type = "radio";
  radio.name = "person";
  radio.value = choice.id;
  radio.checked = isChosen;
  radio.addEventListener("change", () => {
    reachChosen(label.closest("fieldset"));
    choose(choice);
  });
  // Clicks that stand for a key have no `detail`.
  label.addEventListener("click", ({ detail }) => {
    if (detail > 0) close();
  });
  const initial = element("span", "initial", choice.name.slice(0, 1));
  initial.setAttribute("aria-hidden", "true");
  const name = element("span", "name", choice.name);
  name.append(" ", element("span", "language", choice.language));
  const about = element("span", "about", choice.about);
  about.lang = choice.lang;
  label.append(radio, initial, name, about);
  if (choice.voice) label.append(element("span", "voice", choice.voice));
  const made = element("div", "card");
  made.append(label);
  if (choice.credits.length > 0) made.append(credits(choice.credits));
  if (choice.id !== "" && !isOwn(choice.id)) made.append(sampleButton(choice, hear));
  return made;
}

/** Links, which a label cannot hold. @param {import("./voices.js").Link[]} links */
function credits(links) {
  const line = element("p", "credits");
  links.forEach(({ text, href }, index) => {
    const link = element("a", "", text);
    link.href = href;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    line.append(index > 0 ? " · " : "", link);
  });
  return line;
}

function sampleButton(choice, hear) {
  const button = element("button", "hear");
  button.type = "button";
  button.name = "hear";
  button.dataset.voice = choice.id;
  button.setAttribute("aria-label", `Hear ${choice.name}`);
  button.setAttribute("aria-pressed", "false");
  button.title = `Hear ${choice.name}`;
  button.addEventListener("click", () => hear(choice));
  return button;
}

function element(tag, name = "", text = "") {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}
