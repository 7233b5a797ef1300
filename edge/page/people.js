/** The cards from which a person chooses whom to talk to: radio buttons, so that arrow keys work. */

/**
 * @param {HTMLElement} fieldset
 * @param {import("./voices.js").Choice[]} choices
 * @param {string} chosen the id of one of them
 * @param {(choice: import("./voices.js").Choice) => void} onChoose
 */
export function showPeople(fieldset, choices, chosen, onChoose) {
  for (const old of fieldset.querySelectorAll(".person")) old.remove();
  // Several characters may share a voice; the first of them is the one that its id stands for.
  const first = choices.findIndex((choice) => choice.id === chosen);
  const cards = choices.map((choice, index) => card(choice, index === first, onChoose));
  // What offers to make another one comes last.
  fieldset.querySelector(".own").before(...cards);
}

function card(choice, isChosen, onChoose) {
  const label = element("label", "person");
  const radio = element("input");
  radio.type = "radio";
  radio.name = "person";
  radio.value = choice.id;
  radio.checked = isChosen;
  radio.addEventListener("change", () => onChoose(choice));
  const initial = element("span", "initial", choice.name.slice(0, 1));
  initial.setAttribute("aria-hidden", "true");
  const name = element("span", "name", choice.name);
  name.append(" ", element("span", "language", choice.language));
  const about = element("span", "about", choice.about);
  about.lang = choice.lang;
  label.append(radio, initial, name, about);
  if (choice.voice) label.append(element("span", "voice", choice.voice));
  return label;
}

function element(tag, name = "", text = "") {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}
