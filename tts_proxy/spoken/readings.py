"""What the voices of this machine do not read well by themselves, in words of their language.

Measured by listening (benchmarks/spoken_text.py): eSpeak NG names most signs and reads numbers, times and per cent, but
says "dollar five", "k m", "two" for "²", and nothing for "<". hibari reads English amounts, units and dates, but no
"20 €", "≤" or "√". Languages that are not listed here are left to the voice.
"""
# ruff: noqa: RUF001, SIM905 - signs of formulas are what this is about

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

ENGLISH: Final = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """How one language reads signs."""

    signs: Mapping[str, str]
    squared: str
    cubed: str
    power: str
    number: str
    """Before one: "number 1"."""
    dot: str
    """In addresses."""
    to: str
    """Between the ends of a range."""
    months: Sequence[str]
    units: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Their names after 1, and after other numbers."""


def _signs(words: str) -> dict[str, str]:
    return dict(zip("<>≤≥≠≈−√∞±×=", (each.strip() for each in words.split("|")), strict=True))


def _units(plain: str) -> dict[str, tuple[str, str]]:
    """Units, each as "sign one/many", or "sign name" where both are alike."""
    found = {}
    for each in plain.split(","):
        sign, _, names = each.strip().partition(" ")
        one, _, many = names.partition("/")
        found[sign] = (one, many or one)
    return found


LANGUAGES: Final[Mapping[str, Language]] = {
    "en": Language(
        signs=_signs(
            "less than|greater than|less than or equal to|greater than or equal to|not equal to|about|minus|"
            "the square root of|infinity|plus or minus|times|equals"
        ),
        squared="squared",
        cubed="cubed",
        power="to the power of",
        number="number",
        dot="dot",
        to="to",
        months=(
            *("January", "February", "March", "April", "May", "June", "July"),
            *("August", "September", "October", "November", "December"),
        ),
        units=_units(
            "km kilometer/kilometers, m meter/meters, cm centimeter/centimeters, mm millimeter/millimeters,"
            "mi mile/miles,"
            "kg kilogram/kilograms, g gram/grams, mg milligram/milligrams, lb pound/pounds, lbs pound/pounds,"
            "oz ounce/ounces, l liter/liters, L liter/liters, ml milliliter/milliliters, mL milliliter/milliliters,"
            "km/h kilometer per hour/kilometers per hour, mph mile per hour/miles per hour,"
            "m/s meter per second/meters per second, m/s² meter per second squared/meters per second squared,"
            "m² square meter/square meters, km² square kilometer/square kilometers, m³ cubic meter/cubic meters,"
            "cm² square centimeter/square centimeters, cm³ cubic centimeter/cubic centimeters,"
            "°C degree Celsius/degrees Celsius, °F degree Fahrenheit/degrees Fahrenheit, ° degree/degrees,"
            "kB kilobyte/kilobytes, KB kilobyte/kilobytes, MB megabyte/megabytes, GB gigabyte/gigabytes,"
            "TB terabyte/terabytes, Hz hertz, kHz kilohertz, MHz megahertz, GHz gigahertz, kW kilowatt/kilowatts,"
            "kWh kilowatt hour/kilowatt hours, ms millisecond/milliseconds, min minute/minutes, h hour/hours,"
            "ft foot/feet, hrs hour/hours, sec second/seconds"
        ),
    ),
    "de": Language(
        signs=_signs(
            "kleiner als|größer als|kleiner oder gleich|größer oder gleich|ungleich|ungefähr|minus|Wurzel aus|"
            "unendlich|"
            "plus minus|mal|gleich"
        ),
        squared="hoch zwei",
        cubed="hoch drei",
        power="hoch",
        number="Nummer",
        dot="Punkt",
        to="bis",
        months="Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split(),
        units=_units(
            "km Kilometer, m Meter, cm Zentimeter, mm Millimeter, kg Kilogramm, g Gramm, mg Milligramm, l Liter,"
            "ml Milliliter, km/h Kilometer pro Stunde, m/s Meter pro Sekunde, m² Quadratmeter, km² Quadratkilometer,"
            "m³ Kubikmeter, °C Grad Celsius, ° Grad, MB Megabyte, GB Gigabyte, min Minute/Minuten, h Stunde/Stunden"
        ),
    ),
    "fr": Language(
        signs=_signs(
            "inférieur à|supérieur à|inférieur ou égal à|supérieur ou égal à|différent de|environ|moins|racine de|"
            "l'infini|plus ou moins|fois|égale"
        ),
        squared="au carré",
        cubed="au cube",
        power="puissance",
        number="numéro",
        dot="point",
        to="à",
        months="janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split(),
        units=_units(
            "km kilomètre/kilomètres, m mètre/mètres, cm centimètre/centimètres, kg kilogramme/kilogrammes,"
            "g gramme/grammes, l litre/litres, ml millilitre/millilitres, km/h kilomètre heure/kilomètres heure,"
            "m² mètre carré/mètres carrés, km² kilomètre carré/kilomètres carrés, m³ mètre cube/mètres cubes,"
            "°C degré Celsius/degrés Celsius, ° degré/degrés, Mo mégaoctet/mégaoctets, Go gigaoctet/gigaoctets,"
            "min minute/minutes, h heure/heures"
        ),
    ),
    "es": Language(
        signs=_signs(
            "menor que|mayor que|menor o igual que|mayor o igual que|distinto de|aproximadamente|menos|raíz de|"
            "infinito|más o menos|por|igual a"
        ),
        squared="al cuadrado",
        cubed="al cubo",
        power="elevado a",
        number="número",
        dot="punto",
        to="a",
        months="enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split(),
        units=_units(
            "km kilómetro/kilómetros, m metro/metros, cm centímetro/centímetros, kg kilogramo/kilogramos,"
            "g gramo/gramos, l litro/litros, ml mililitro/mililitros, km/h kilómetro por hora/kilómetros por hora,"
            "m² metro cuadrado/metros cuadrados, km² kilómetro cuadrado/kilómetros cuadrados,"
            "m³ metro cúbico/metros cúbicos, °C grado Celsius/grados Celsius, ° grado/grados, MB megabyte/megabytes,"
            "GB gigabyte/gigabytes, min minuto/minutos, h hora/horas"
        ),
    ),
    "it": Language(
        signs=_signs(
            "minore di|maggiore di|minore o uguale a|maggiore o uguale a|diverso da|circa|meno|radice di|infinito|"
            "più o meno|per|uguale a"
        ),
        squared="al quadrato",
        cubed="al cubo",
        power="alla",
        number="numero",
        dot="punto",
        to="a",
        months="gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre".split(),
        units=_units(
            "km chilometro/chilometri, m metro/metri, cm centimetro/centimetri, kg chilogrammo/chilogrammi,"
            "g grammo/grammi, l litro/litri, ml millilitro/millilitri, km/h chilometro orario/chilometri orari,"
            "m² metro quadrato/metri quadrati, °C grado Celsius/gradi Celsius, ° grado/gradi, MB megabyte, GB gigabyte,"
            "min minuto/minuti, h ora/ore"
        ),
    ),
    "pt": Language(
        signs=_signs(
            "menor que|maior que|menor ou igual a|maior ou igual a|diferente de|cerca de|menos|raiz de|infinito|"
            "mais ou menos|vezes|igual a"
        ),
        squared="ao quadrado",
        cubed="ao cubo",
        power="elevado a",
        number="número",
        dot="ponto",
        to="a",
        months="janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro".split(),
        units=_units(
            "km quilômetro/quilômetros, m metro/metros, cm centímetro/centímetros, kg quilograma/quilogramas,"
            "g grama/gramas, l litro/litros, ml mililitro/mililitros, km/h quilômetro por hora/quilômetros por hora,"
            "m² metro quadrado/metros quadrados, °C grau Celsius/graus Celsius, ° grau/graus, MB megabyte/megabytes,"
            "GB gigabyte/gigabytes, min minuto/minutos, h hora/horas"
        ),
    ),
    "nl": Language(
        signs=_signs(
            "kleiner dan|groter dan|kleiner dan of gelijk aan|groter dan of gelijk aan|ongelijk aan|ongeveer|min|"
            "wortel uit|oneindig|plus of min|keer|is gelijk aan"
        ),
        squared="in het kwadraat",
        cubed="tot de derde",
        power="tot de macht",
        number="nummer",
        dot="punt",
        to="tot",
        months="januari februari maart april mei juni juli augustus september oktober november december".split(),
        units=_units(
            "km kilometer, m meter, cm centimeter, kg kilogram, g gram, l liter, ml milliliter, km/h kilometer per uur,"
            "m² vierkante meter, °C graden Celsius, ° graden, MB megabyte, GB gigabyte, min minuut/minuten, h uur"
        ),
    ),
}
"""The languages whose signs are read in words, by the first part of their tag."""

_MONEY: Final = {
    "$": ("dollar", "dollars", "cents"),
    "€": ("euro", "euros", "cents"),
    "£": ("pound", "pounds", "pence"),
    "¥": ("yen", "yen", ""),
    "₹": ("rupee", "rupees", "paise"),
    "₩": ("won", "won", ""),
}
"""In English. Elsewhere the voice names the sign, if it stands after the number."""
_SCALES: Final = {"k": "thousand", "m": "million", "b": "billion", "bn": "billion", "t": "trillion"}
_SCALE_WORDS: Final = frozenset(
    "hundred thousand million billion trillion million. billion. million, billion, million? million! millionen "
    "milliarden "
    "millions milliards millones milioni miliardi milhões miljoen miljard".split()
)
_MARKS = r"(?P<marks>[^\w%€$£¥₹₩°²³]*)"
_NUMBER = r"(?P<number>[-+]?\d[\d.,]*\d|[-+]?\d)"
_PREFIXED = re.compile(rf"(?P<lead>[^\w$€£¥₹₩]*)(?P<sign>[$€£¥₹₩]){_NUMBER}(?P<scale>k|K|m|M|bn|b|B|t|T)?{_MARKS}")
_SUFFIXED = re.compile(rf"(?P<lead>[^\w]*?){_NUMBER}(?P<sign>[$€£¥₹₩]){_MARKS}")
_LONE_SIGN = re.compile(rf"(?P<sign>[$€£¥₹₩]){_MARKS}")
_AMOUNT = re.compile(rf"[^\w$€£¥₹₩]*{_NUMBER}")
_MEASURE = re.compile(rf"(?P<lead>[^\w]*?){_NUMBER}(?P<unit>[^\W\d][\w/²³]*|°[CF]?){_MARKS}")
_UNIT = re.compile(rf"(?P<unit>[^\W\d][\w/²³]*|°[CF]?){_MARKS}")
_RANGE = re.compile(rf"(?P<lead>[^\w]*?)(?P<first>\d{{1,4}})[-–](?P<last>\d{{1,4}})(?P<unit>%?){_MARKS}")
_DATE = re.compile(rf"(?P<lead>[^\w]*?)(?P<year>\d{{4}})-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12]\d|3[01]){_MARKS}")
_FRACTIONS: Final = {
    "1/2": "one half",
    "1/3": "one third",
    "2/3": "two thirds",
    "1/4": "one quarter",
    "3/4": "three quarters",
    "24/7": "24 7",
}
_ENDINGS = "com|org|net|io|ai|dev|app|edu|gov|co|uk|de|fr|es|it|eu|pt|nl|ch|at|info|html|py|js|txt|pdf|md|json|csv"
_HOST = re.compile(rf"[\w.+-]+@(?:[\w-]+\.)+[a-z]{{2,}}|(?:[a-z0-9-]+\.)+(?:{_ENDINGS})\b(?:/[\w./-]*)?", re.IGNORECASE)
_GREEK: Final = dict(
    zip(
        "αβγδεζηθλμπρστφχψωΔΣΩΓΘΛΦΨ",
        "alpha beta gamma delta epsilon zeta eta theta lambda mu pi rho sigma tau phi chi psi omega delta sigma omega "
        "gamma theta lambda phi psi".split(),
        strict=True,
    )
)
_CALCULATING: Final = frozenset("<>≤≥≠≈−±×÷=+^")
_LETTER = re.compile(r"(?<![^\W\d_])[α-ωΓ-Ω](?![^\W\d_])")


def readings(words: Sequence[str], tag: str) -> list[str]:
    """Return, for each word of a clause, what a voice of the language with this tag reads well."""
    name = re.split(r"[-+_]", tag.lower(), maxsplit=1)[0]
    language = LANGUAGES.get(name)
    if language is None:
        return list(words)
    reader = _Reader(language, english=name == ENGLISH)
    found = list(words)
    for index in range(len(found)):
        reader.read(found, words, index)
    return found


class _Reader:
    """Reads the words of one clause, one after the other."""

    def __init__(self, language: Language, *, english: bool) -> None:
        self._language = language
        self._english = english
        self._rules: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
            (_DATE, self._date),
            (_RANGE, self._range),
            (_SUFFIXED, self._suffixed),
            (_MEASURE, self._measure),
        )

    def read(self, found: list[str], words: Sequence[str], index: int) -> None:
        """Put the reading of a word in the place of it; of an amount of millions, the currency after that word."""
        word = words[index]
        before = words[index - 1] if index else ""
        if (match := _PREFIXED.fullmatch(word)) and index + 1 < len(words) and words[index + 1].lower() in _SCALE_WORDS:
            scale = words[index + 1]
            bare = scale.rstrip(".,!?")
            name = _MONEY[match["sign"]][1] if self._english else match["sign"]
            found[index] = match["lead"] + match["number"]
            found[index + 1] = f"{bare} {name}{scale[len(bare) :]}"
        elif match:
            found[index] = self._prefixed(match)
        elif self._english and word == "a" and _CALCULATING & {before, *words[index + 1 : index + 2]}:
            found[index] = "A"  # the letter, not the article
        elif found[index] == word:
            found[index] = self._read(word, before)

    def _read(self, word: str, before: str) -> str:
        for pattern, reading in self._rules:
            if (match := pattern.fullmatch(word)) and (read := reading(match)) != word:
                return self._signs(read)
        amount = _AMOUNT.fullmatch(before)
        if amount and (match := _UNIT.fullmatch(word)) and match["unit"] in self._language.units:
            return self._unit(match["unit"], amount["number"]) + match["marks"]
        if amount and self._english and (match := _LONE_SIGN.fullmatch(word)):
            return _MONEY[match["sign"]][amount["number"] != "1"] + match["marks"]
        if self._english and (fraction := _FRACTIONS.get(word.rstrip(".,;:!?"))):
            return fraction + word[len(word.rstrip(".,;:!?")) :]
        if address := _HOST.search(word):
            return word[: address.start()] + self._address(address[0]) + word[address.end() :]
        return self._signs(word)

    def _signs(self, word: str) -> str:
        language = self._language
        if word.startswith("#") and word[1:2].isdigit():
            word = f"{language.number} {word[1:]}"
        word = word.replace("²", f" {language.squared} ").replace("³", f" {language.cubed} ")
        word = word.replace("^", f" {language.power} ")
        for sign, read in language.signs.items():
            word = word.replace(sign, f" {read} ")
        if self._english:
            word = _LETTER.sub(lambda letter: f" {_GREEK.get(letter[0], letter[0])} ", word)
        return re.sub(r" +(?=[.,;:!?]|$)", "", " ".join(word.split()))

    def _prefixed(self, match: re.Match[str]) -> str:
        number, sign, scale = match["number"], match["sign"], match["scale"]
        if scale:
            number = f"{number} {_SCALES[scale.lower()]}" if self._english else f"{number}{scale}"
        return match["lead"] + self._amount(number, sign) + match["marks"]

    def _suffixed(self, match: re.Match[str]) -> str:
        return match["lead"] + self._amount(match["number"], match["sign"]) + match["marks"]

    def _amount(self, number: str, sign: str) -> str:
        if not self._english:
            return f"{number} {sign}"
        one, many, parts = _MONEY[sign]
        whole, _, rest = number.partition(".")
        if parts and re.fullmatch(r"\d\d", rest):
            cents = f"{int(rest)} {parts}"
            amount = f"{whole} {one if whole == '1' else many}"
            return amount if rest == "00" else cents if whole == "0" else f"{amount} and {cents}"
        return f"{number} {one if number == '1' else many}"

    def _measure(self, match: re.Match[str]) -> str:
        if match["unit"] not in self._language.units:
            return match[0]
        return f"{match['lead']}{match['number']} {self._unit(match['unit'], match['number'])}{match['marks']}"

    def _unit(self, unit: str, number: str) -> str:
        return self._language.units[unit][number != "1"]

    def _range(self, match: re.Match[str]) -> str:
        first, last = match["first"], match["last"]
        if int(first) >= int(last) or (len(first), len(last)) == (3, 4):  # a score, or a telephone number
            return match[0]
        return f"{match['lead']}{first} {self._language.to} {last}{match['unit']}{match['marks']}"

    def _date(self, match: re.Match[str]) -> str:
        month, day = self._language.months[int(match["month"]) - 1], int(match["day"])
        date = f"{month} {_ordinal(day)}, {match['year']}" if self._english else f"{day} {month} {match['year']}"
        return match["lead"] + date + match["marks"]

    def _address(self, address: str) -> str:
        read = address.replace(".", f" {self._language.dot} ")
        return read.replace("@", " at ").replace("/", " slash ") if self._english else read.replace("@", " @ ")


def _ordinal(day: int) -> str:
    return f"{day}{'th' if day in (11, 12, 13) else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"
