/** The captions of both sides. Each entry of the conversation is one list item; only entries that changed are redrawn. */

/** How far from the bottom still counts as reading the newest words. */
const AT_THE_END_PX = 60;

export class Captions {
  #scroll;
  #list;
  /** Whether the person reads the newest words, and not what was said before. */
  #follows = true;
  /** @type {Map<string, {entry: object, item: HTMLLIElement}>} */
  #shown = new Map();

  /**
   * @param {HTMLElement} scroll
   * @param {HTMLOListElement} list
   */
  constructor(scroll, list) {
    this.#scroll = scroll;
    this.#list = list;
    scroll.addEventListener("scroll", () => {
      this.#follows = scroll.scrollTop + scroll.clientHeight > scroll.scrollHeight - AT_THE_END_PX;
    });
    // Room is taken and given back by what else is on the page.
    new ResizeObserver(() => this.#follow()).observe(scroll);
  }

  /** @param {import("./conversation.js").Conversation["entries"]} entries */
  show(entries) {
    const wanted = new Map(entries.map((entry, index) => [`${entry.kind} ${entry.id} ${partOf(entries, index)}`, entry]));
    for (const [key, { item }] of this.#shown) {
      if (wanted.has(key)) continue;
      item.remove();
      this.#shown.delete(key);
    }
    for (const [key, entry] of wanted) {
      const shown = this.#shown.get(key);
      if (shown?.entry === entry) continue;
      const item = shown?.item ?? this.#list.appendChild(document.createElement("li"));
      draw(item, entry);
      this.#shown.set(key, { entry, item });
    }
    this.#follow();
  }

  #follow() {
    if (this.#follows) this.#scroll.scrollTop = this.#scroll.scrollHeight;
  }
}

/** Which of the conversations on the page an entry is in: ids are unique in one only. */
function partOf(entries, index) {
  return entries.slice(0, index).filter(({ kind }) => kind === "divider").length;
}

function draw(item, entry) {
  item.className = entry.kind;
  if (entry.kind === "divider") item.replaceChildren(entry.text);
  else if (entry.kind === "turn") drawTurn(item, entry);
  else drawReply(item, entry);
}

function drawTurn(item, { text, partial, isOpen, isTyped }) {
  item.hidden = false;
  const who = span("who", isTyped ? "You, typed" : "You");
  const words = [text && span("certain", text), text && partial && " ", partial && span("partial", partial)].filter(Boolean);
  item.replaceChildren(who, ...(words.length === 0 && isOpen ? [dots()] : words));
}

function drawReply(item, { name, text, spoken, phase }) {
  item.dataset.phase = phase;
  const who = span("who", name);
  if (text === "") {
    item.replaceChildren(who, dots());
    return;
  }
  const heard = text.slice(0, spoken);
  const rest = text.slice(spoken);
  if (phase === "cut") {
    const mark = span("mark-cut", "not heard");
    item.replaceChildren(who, span("spoken", heard), ...(rest.trim() ? [element("s", "cut", rest), " ", mark] : []));
  } else {
    const now = phase === "finished" ? -1 : heard.search(/\S+$/);
    const word = now < 0 ? [] : [span("now", heard.slice(now))];
    item.replaceChildren(who, span("spoken", now < 0 ? heard : heard.slice(0, now)), ...word, span("coming", rest));
  }
}

function dots() {
  const shown = span("dots", "");
  shown.setAttribute("aria-hidden", "true");
  shown.append(...[1, 2, 3].map(() => document.createElement("i")));
  return shown;
}

function span(name, text) {
  return element("span", name, text);
}

function element(tag, name, text) {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}
