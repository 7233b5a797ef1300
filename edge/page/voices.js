/** Whom one can talk to: `/v1/voices`, which is a list of voices in Unmute's format, as choices for a person. */

/** What each character is that says nothing of itself. */
const CHARACTERS = {
  smalltalk: "A chat about nothing in particular.",
  guess_animal: "Thinks of an animal. Find out which.",
  quiz_show: "Asks you five questions.",
  news: "Has read the news about technology.",
  unmute_explanation: "Explains how all this works.",
};

const LANGUAGES = new Intl.DisplayNames("en", { type: "language" });

/** The characters that the built-in rules can play, in English. */
const PLAYED_BY_RULES = ["smalltalk", "quiz_show"];

/**
 * @typedef {object} Choice
 * @property {string} id a voice's id
 * @property {string} name
 * @property {string} language for people
 * @property {string} lang its code, for screen readers
 * @property {string} about who it is
 * @property {string} voice what it sounds like
 * @property {Link[]} credits whose recording it is, and under which licence
 * @property {object} character a `Character` of the contract
 */

/**
 * @typedef {object} Link
 * @property {string} text
 * @property {string} href an address on the web
 */

/** The one choice there is when the list cannot be had: the service's own voice. @type {Choice} */
export const DEFAULT_CHOICE = {
  id: "",
  name: "Parley",
  language: "English",
  lang: "en",
  about: CHARACTERS.smalltalk,
  voice: "",
  credits: [],
  character: { kind: "smalltalk", language: "en" },
};

/** @param {object[]} listed what `/v1/voices` answered @returns {Choice[]} */
export function choices(listed) {
  return listed.map(({ name, instructions, source }) => {
    const language = instructions?.language ?? "en";
    const spoken = language.split("/");
    const own = source.language?.split("-")[0];
    const text = instructions?.text ?? undefined;
    return {
      id: source.path_on_server,
      name: name ?? source.path_on_server,
      language: (spoken.includes(own ?? spoken[0]) ? spoken : [own]).map(called).join(", "),
      lang: own ?? spoken[0],
      about: about(name, instructions?.type, text),
      voice: source.description ?? "",
      credits: credits(source),
      character: { kind: instructions?.type ?? "smalltalk", language, ...(text !== undefined && { text }) },
    };
  });
}

/** What a voice's source asks to be named beside it. @param {object} source @returns {Link[]} */
function credits({ url, description_link: about, sound_instance: sound }) {
  const links = [
    { text: sound ? `Voice: “${sound.name}” by ${sound.username}` : "Voice: a recording on Freesound", href: url },
    { text: licence(sound?.license ?? ""), href: sound?.license },
    { text: "About this voice", href: about },
  ];
  return links.filter(({ href }) => /^https?:\/\//.test(href ?? ""));
}

/** What people call a licence. @param {string} address */
function licence(address) {
  const [, kind, version] = /creativecommons\.org\/(?:licenses|publicdomain)\/([a-z-]+)\/([\d.]+)/.exec(address) ?? [];
  if (!kind) return "licence";
  return `${kind === "zero" ? "CC0" : `CC ${kind.toUpperCase()}`} ${version}`;
}

/** Those whose character the built-in rules can play, or all where there are none. @param {Choice[]} offered */
export function playedByRules(offered) {
  const played = offered.filter(({ lang, character }) => lang === "en" && PLAYED_BY_RULES.includes(character.kind));
  return played.length > 0 ? played : offered;
}

/** The languages that the voices speak, each with its name, by name. @param {Choice[]} offered */
export function languages(offered) {
  const codes = new Set(offered.flatMap(({ lang, character }) => [lang, ...character.language.split("/")]));
  return [...codes].map((code) => ({ code, name: called(code) })).sort((a, b) => a.name.localeCompare(b.name));
}

/** A language's name in English. @param {string} code */
function called(code) {
  try {
    return LANGUAGES.of(code) ?? code;
  } catch {
    return code;
  }
}

/**
 * A character in the person's own voice.
 *
 * @param {Choice} choice whose character it is
 * @param {string} id of the voice
 * @param {string} until when it is kept, for people
 * @returns {Choice}
 */
export function inOwnVoice(choice, id, until) {
  return { ...choice, id, about: `${choice.name}, in your own voice.`, voice: `Kept until ${until}.`, credits: [] };
}

/**
 * @typedef {object} Wishes
 * @property {string} prompt the person's own instructions, which take the place of the character's; "" for none
 * @property {string} language what the person speaks; "" for the language of the choice
 */

/** The session fields that a choice stands for. @param {Choice} choice @param {Wishes} wishes */
export function sessionOf(choice, { prompt, language } = { prompt: "", language: "" }) {
  const spoken = choice.character.language;
  const character = prompt ? { kind: "constant", language: spoken, text: prompt } : choice.character;
  // The service knows the language of a character, and not that of a voice.
  const own = spoken.split("/").includes(choice.lang) ? "" : choice.lang;
  return { voice: choice.id, instructions: { character }, language: language || own };
}

/** One sentence about a character, from what the model is told: "You are Ada, who sings. …" → "Sings.". */
function about(name, kind, text) {
  if (kind === "constant" && text) {
    const start = new RegExp(`^(?:you are|tu es|vous êtes)\\s+(?:${escaped(name ?? "")}\\b)?[\\s,:]*(?:who\\b\\s*)?`, "i");
    const sentence = text.replace(start, "").split(/(?<=[.!?])\s/)[0];
    return sentence.charAt(0).toUpperCase() + sentence.slice(1);
  }
  return CHARACTERS[kind] ?? DEFAULT_CHOICE.about;
}

function escaped(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
