"""Every state the page can be in, brought about over the real wire. Tests and `scripts/screenshots` look at them."""

from collections.abc import Awaitable, Callable

import numpy as np
from playwright.async_api import Page, expect

from mesh.audio import SAMPLE_RATE
from mesh.errors import AtCapacity, MissingServiceTimeout
from parley.conversation.v1 import conversation_pb2 as pb
from tests.fakes.conversation import Conversation
from tests.page.chromium import open_page
from tests.page.harness import PageHarness

Scene = Callable[[Page, PageHarness], Awaitable[None]]

REFUSED = """navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("no", "NotAllowedError") }"""

QUESTION = "What makes the sea blue?"
ANSWER = (
    "Mostly the water itself: it drinks up red light and gives the blue back to you. The deeper you look, the bluer it"
    " gets, until there is no light left to give."
)
SPOKEN = 17
"""How many words of the answer have been heard where it is being spoken."""


def tone(seconds: float) -> bytes:
    """Something to be heard, quietly."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    wave = np.sin(2 * np.pi * 180 * time) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time))
    return (3_000 * wave).astype("<i2").tobytes()


async def idle(page: Page, harness: PageHarness) -> None:
    await open_page(page, harness.url)


async def consent(page: Page, harness: PageHarness) -> None:
    await page.add_init_script("localStorage.clear()")
    await open_page(page, harness.url)
    await page.locator("#call").click()
    await page.locator("#consent[open]").wait_for()


async def own_voice(page: Page, harness: PageHarness) -> None:
    await open_page(page, harness.url)
    await page.locator("#own-open").click()
    await page.locator("#own[open]").wait_for()


async def settings(page: Page, harness: PageHarness) -> None:
    await open_page(page, harness.url)
    await page.locator("#settings-open").click()


async def connecting(page: Page, harness: PageHarness) -> None:
    await page.route_web_socket("**/v1/converse", lambda _socket: None)
    await open_page(page, harness.url)
    await page.locator("#call").click()
    await expect(page.locator("#state")).to_have_text("Connecting")


async def called(page: Page, harness: PageHarness) -> Conversation:
    """Call, and be admitted."""
    await open_page(page, harness.url)
    await page.locator("#call").click()
    talk = await harness.fake.next_conversation()
    await expect(page.locator("body")).to_have_attribute("data-stage", "talking")
    return talk


async def _greeted(talk: Conversation) -> None:
    words = ["Hello!", " What", " is", " on", " your", " mind?"]
    await talk.say(reply_created={"reply_id": "reply_1", "item_id": "item_1"})
    for word in words:
        await talk.say(reply_text_delta={"reply_id": "reply_1", "text": word})
    await talk.say(reply_audio={"reply_id": "reply_1", "audio": tone(0.16)})
    await talk.say(reply_released={"reply_id": "reply_1", "text": "".join(words)})
    await talk.say(reply_finished={"reply_id": "reply_1", "text": "".join(words)})


async def _asking(talk: Conversation) -> None:
    await talk.say(user_speech_started={"item_id": "item_2", "cause": pb.SPEECH_CAUSE_DETECTED})
    for word in QUESTION.split()[:3]:
        await talk.say(user_word_recognized={"item_id": "item_2", "text": word})
    await talk.say(user_partial_transcript={"text": "sea blue"})


async def _asked(talk: Conversation) -> None:
    await talk.say(user_turn_ended={"item_id": "item_2", "text": QUESTION, "cause": pb.SPEECH_CAUSE_DETECTED})


async def _answering(talk: Conversation) -> None:
    await talk.say(reply_created={"reply_id": "reply_2", "item_id": "item_3"})
    for word in ANSWER.split():
        await talk.say(reply_text_delta={"reply_id": "reply_2", "text": f" {word}"})
    await talk.say(reply_audio={"reply_id": "reply_2", "audio": tone(8)})
    for word in ANSWER.split()[:SPOKEN]:
        await talk.say(reply_word_spoken={"reply_id": "reply_2", "text": word})


async def listening(page: Page, harness: PageHarness) -> None:
    talk = await called(page, harness)
    await _greeted(talk)
    await _asking(talk)
    await page.locator(".turn .partial").wait_for()


async def thinking(page: Page, harness: PageHarness) -> None:
    talk = await called(page, harness)
    await _greeted(talk)
    await _asking(talk)
    await _asked(talk)
    await talk.say(reply_created={"reply_id": "reply_2", "item_id": "item_3"})
    await expect(page.locator("#state")).to_have_text("Thinking")


async def speaking(page: Page, harness: PageHarness) -> None:
    await _spoken_to(page, harness)


async def _spoken_to(page: Page, harness: PageHarness) -> Conversation:
    talk = await called(page, harness)
    await _greeted(talk)
    await _asking(talk)
    await _asked(talk)
    await _answering(talk)
    await expect(page.locator("#state")).to_have_text("Speaking")
    await expect(page.locator(".reply .now")).to_have_text(ANSWER.split()[SPOKEN - 1])
    return talk


async def muted(page: Page, harness: PageHarness) -> None:
    talk = await called(page, harness)
    await _greeted(talk)
    await page.locator("#mute").click()
    await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")


async def pushing(page: Page, harness: PageHarness) -> None:
    await page.add_init_script("localStorage.parley = JSON.stringify({consents: false, push: true})")
    talk = await called(page, harness)
    await _greeted(talk)
    await page.locator("#push").click()
    await expect(page.locator("#push")).to_have_attribute("aria-pressed", "true")
    await _asking(talk)
    await page.locator(".turn .partial").wait_for()


async def held(page: Page, harness: PageHarness) -> None:
    talk = await _spoken_to(page, harness)
    await talk.say(user_speech_started={"item_id": "item_4", "cause": pb.SPEECH_CAUSE_DETECTED})
    await talk.say(reply_held={"reply_id": "reply_2"})
    await page.locator("body[data-mood=held]").wait_for()


async def cut(page: Page, harness: PageHarness) -> None:
    talk = await _spoken_to(page, harness)
    await talk.say(user_speech_started={"item_id": "item_4", "cause": pb.SPEECH_CAUSE_DETECTED})
    await talk.say(reply_held={"reply_id": "reply_2"})
    await talk.say(user_word_recognized={"item_id": "item_4", "text": "And"})
    heard = " ".join(ANSWER.split()[:SPOKEN])
    await talk.say(
        reply_cancelled={"reply_id": "reply_2", "cause": pb.CANCEL_CAUSE_WORD_RECOGNIZED, "heard_text": heard}
    )
    await talk.say(user_word_recognized={"item_id": "item_4", "text": "the"})
    await talk.say(user_partial_transcript={"text": "sky"})
    await page.locator(".reply s").wait_for()


async def choosing(page: Page, harness: PageHarness) -> None:
    talk = await called(page, harness)
    await _greeted(talk)
    await page.locator(".reply").wait_for()
    await page.locator("#change").click()


async def full(page: Page, harness: PageHarness) -> None:
    harness.fake.refusal = AtCapacity("every recogniser is taken", retry_after=12, service="speech recognition")
    await _refused_to_talk(page, harness)


async def part_down(page: Page, harness: PageHarness) -> None:
    harness.fake.refusal = MissingServiceTimeout.of("speech recognition")
    await _refused_to_talk(page, harness)


async def _refused_to_talk(page: Page, harness: PageHarness) -> None:
    await open_page(page, harness.url)
    await page.locator("#call").click()
    await expect(page.locator("body")).to_have_attribute("data-stage", "waiting")
    await page.locator("#countdown").wait_for()


async def microphone_refused(page: Page, harness: PageHarness) -> None:
    await page.add_init_script(REFUSED)
    await open_page(page, harness.url)
    await page.locator("#call").click()
    await page.locator("#trouble").wait_for()


async def typed(page: Page, harness: PageHarness) -> None:
    await open_page(page, harness.url)
    await page.locator("#switch").click()
    talk = await harness.fake.next_conversation()
    await _greeted(talk)
    await talk.say(user_turn_ended={"item_id": "item_2", "text": QUESTION, "cause": pb.SPEECH_CAUSE_TYPED})
    await _answering(talk)
    await expect(page.locator("#state")).to_have_text("Speaking")


async def reconnecting(page: Page, harness: PageHarness) -> None:
    await _spoken_to(page, harness)
    await harness.stop_edge()
    await expect(page.locator("#trouble-title")).to_have_text("The service cannot be reached")
    await page.locator("#countdown").wait_for()


async def ended(page: Page, harness: PageHarness) -> None:
    talk = await called(page, harness)
    await _greeted(talk)
    await _asking(talk)
    await _asked(talk)
    await _answering(talk)
    await talk.say(reply_finished={"reply_id": "reply_2", "text": ANSWER})
    await talk.end(pb.END_CAUSE_GOODBYE)
    await expect(page.locator("#hint")).to_have_text("Ada said goodbye.")


SCENES: dict[str, Scene] = {
    scene.__name__: scene
    for scene in (
        idle,
        consent,
        settings,
        own_voice,
        connecting,
        listening,
        thinking,
        speaking,
        muted,
        pushing,
        held,
        cut,
        choosing,
        full,
        part_down,
        microphone_refused,
        typed,
        reconnecting,
        ended,
    )
}


async def restore(harness: PageHarness) -> None:
    """Make the harness as it was before a scene."""
    harness.fake.refusal = None
    await harness.stop_edge()
    await harness.start_edge()
