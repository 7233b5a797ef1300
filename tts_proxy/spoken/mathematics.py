r"""Formulas of LaTeX as plain signs, which voices have names for: `\frac{a}{b} \leq x^2` → "a ÷ b ≤ x²"."""
# ruff: noqa: RUF001 - signs of formulas are what this is about

import re
from typing import Final

_SIGNS: Final = {
    "times": "×",
    "cdot": "×",
    "ast": "×",
    "div": "÷",
    "pm": "±",
    "mp": "∓",
    "neq": "≠",
    "ne": "≠",
    "leq": "≤",
    "le": "≤",
    "geq": "≥",
    "ge": "≥",
    "lt": "<",
    "gt": ">",
    "approx": "≈",
    "sim": "≈",
    "equiv": "=",
    "infty": "∞",
    "sum": "∑",
    "int": "∫",
    "degree": "°",
    "circ": "°",
    "to": "→",
    "rightarrow": "→",
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "epsilon": "ε",
    "theta": "θ",
    "lambda": "λ",
    "mu": "μ",
    "pi": "π",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
    "phi": "φ",
    "omega": "ω",
    "Delta": "Δ",
    "Sigma": "Σ",
    "Omega": "Ω",
    "%": "%",
    "$": "$",
    "&": "&",
    "#": "#",
    "_": " ",
    "{": "",
    "}": "",
    ",": " ",
    ";": " ",
    ":": " ",
    "!": "",
    " ": " ",
    "\\": " ",
    "quad": " ",
    "qquad": " ",
}
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_ROOT = re.compile(r"\\sqrt\s*\{([^{}]*)\}")
_TEXT = re.compile(r"\\(?:text|mathrm|mathbf|mathit|operatorname|boxed|vec|hat|bar|textbf)\s*\{([^{}]*)\}")
_INDEX = re.compile(r"_\{([^{}]*)\}|_(\w)")
_POWER = re.compile(r"\^\{([^{}]*)\}|\^(\w|\\\w+)")
_COMMAND = re.compile(r"\\([A-Za-z]+|.)")
_SUPERSCRIPTS: Final = {"2": "²", "3": "³", "\\circ": "°"}
_SIMPLE = re.compile(r"[\w.π]+")
_SPACED = re.compile(r"\s*([=<>≤≥≠≈×÷±∓+→∑∫])\s*")
_MINUS = re.compile(r"(?<=[\w)²³])\s*-\s*(?=[\w(\\√])")
_ROUNDS: Final = 5
"""How deep fractions and roots may lie in each other."""


def plain_formula(source: str) -> str:
    """Return a formula as signs, numbers and names. Of commands that it does not know nothing is left."""
    text = source.replace("\n", " ")
    for _ in range(_ROUNDS):
        before = text
        text = _TEXT.sub(r"\1", text)
        text = _POWER.sub(_power, text)
        text = _INDEX.sub(lambda found: f" {found[1] or found[2]}", text)
        text = _ROOT.sub(lambda found: f"√{_grouped(found[1])}", text)
        text = _FRACTION.sub(lambda found: f"{_grouped(found[1])} ÷ {_grouped(found[2])}", text)
        if text == before:
            break
    text = _COMMAND.sub(lambda found: _SIGNS.get(found[1], found[1] if _is_function(found[1]) else " "), text)
    text = _MINUS.sub(" − ", re.sub(r"[{}]", "", text))
    return " ".join(_SPACED.sub(r" \1 ", text).split())


def _power(found: re.Match[str]) -> str:
    exponent = (found[1] or found[2] or "").strip()
    return _SUPERSCRIPTS.get(exponent, f"^{exponent}")


def _grouped(text: str) -> str:
    text = text.strip()
    return text if _SIMPLE.fullmatch(text) else f" {text} "


def _is_function(name: str) -> bool:
    return name in {"sin", "cos", "tan", "log", "ln", "exp", "lim", "max", "min"}
