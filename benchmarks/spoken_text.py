"""What is heard of 206 texts with marks, formulas, amounts and the like: spoken by the local voices, heard by Whisper.

    nice python benchmarks/spoken_text.py [--language en] [--show]

The table is tests/tts_proxy/spoken_text/texts.tsv. Each text goes through what decides what is spoken, as in the
synthesis service; Whisper base writes down what it hears. Per language: how many texts were heard with all phrases that
must be in them, how many of the phrases' words were heard, and in how many texts something was heard that must not be.
Whisper base itself mishears robotic voices, and knows some of the languages hardly at all.
"""

import argparse
import asyncio
from collections import Counter

import numpy as np
import soxr
from numpy.typing import NDArray
from tts_heard import Ear

from mesh.audio import SAMPLE_RATE
from mesh.engines.weights import WeightsSettings, WeightStore
from mesh.settings import load
from stt_proxy.engines.whisper.models import MODELS
from tests.tts_proxy.spoken_text import hearing, texts
from tts_proxy.engine import Audio, SynthesisEngine
from tts_proxy.engines.local.engine import local_engine
from tts_proxy.engines.local.plugin import LocalSettings
from tts_proxy.spoken.utterance import WrittenUtterance

EAR_RATE = 16_000
LONGEST = 29 * EAR_RATE
WHISPERS = {"cmn": "zh", "fr-fr": "fr", "en-us": "en", "pt-br": "pt"}
"""What Whisper calls a language that a voice is called otherwise by."""


async def spoken(engine: SynthesisEngine, row: texts.Row) -> NDArray[np.float32]:
    """Return the speech of a text, at 16 kHz."""
    async with engine.open(row.voice) as opened:
        utterance = WrittenUtterance(opened)
        await utterance.speak(row.text)
        await utterance.finish()
        pcm = b"".join([event.pcm async for event in utterance if isinstance(event, Audio)])
    samples = np.frombuffer(pcm, "<i2").astype(np.float32) / 32_768
    return np.asarray(soxr.resample(samples, SAMPLE_RATE, EAR_RATE), np.float32)[:LONGEST]


async def measure(languages: list[str], *, show: bool) -> None:
    """Print a line for each language."""
    found = await WeightStore(load(WeightsSettings, {})).obtain(MODELS["base"].weights)
    ear = Ear(found.folder)
    counts: dict[str, Counter[str]] = {}
    async with local_engine(LocalSettings()) as engine:
        for row in texts.rows():
            if languages and row.language not in languages:
                continue
            samples = await spoken(engine, row)
            language = WHISPERS.get(row.language, row.language)
            transcript = ear.hear(samples, language).strip()
            missed = [forms[0] for forms in row.heard if not any(hearing.holds(transcript, form) for form in forms)]
            extra = [word for word in row.unheard if hearing.holds(transcript, word)]
            shares = [max((hearing.share(transcript, form) for form in forms), key=lambda it: it[0] / max(1, it[1]))
                      for forms in row.heard]  # fmt: skip
            counts.setdefault(row.language, Counter()).update(
                texts=1,
                whole=not missed,
                extra=bool(extra),
                heard=sum(share[0] for share in shares),
                words=sum(share[1] for share in shares),
            )
            if show and (missed or extra):
                print(
                    f"  {row.language}: {row.text!r} was heard as {transcript!r}: missed {missed}, extra {extra}",
                    flush=True,
                )
    total: Counter[str] = sum(counts.values(), Counter())
    for language, count in [*counts.items(), ("all", total)]:
        print(
            f"{language}: {count['whole']} of {count['texts']} texts whole, "
            f"{100 * count['heard'] / count['words']:.0f} % of words heard, "
            f"{count['extra']} with what must not be heard"
        )


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", action="append", default=[], help="only this one; may be repeated")
    parser.add_argument("--show", action="store_true", help="print what was misheard")
    wanted = parser.parse_args()
    asyncio.run(measure(wanted.language, show=wanted.show))


if __name__ == "__main__":
    main()
