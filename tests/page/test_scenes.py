"""The page in each of its states, in front of a scripted orchestrator."""

import asyncio
import json
from importlib.resources import files
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from mesh.errors import InvalidRequest
from parley.conversation.v1 import conversation_pb2 as pb
from tests.fakes.conversation import Conversation
from tests.page.chromium import UNSAFE_HOST, open_page, visitor
from tests.page.harness import PageHarness
from tests.page.scenes import ANSWER, SCENES, SPOKEN, called, restore, tone

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
MICROPHONE_SPY = """
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    window.asked = 0;
    navigator.mediaDevices.getUserMedia = async (...wish) => {
      window.asked++;
      return (window.stream = (await ask(...wish)));
    };"""
SOCKET_SPY = """
    window.sockets = [];
    window.WebSocket = class extends WebSocket {
      constructor(...means) {
        super(...means);
        sockets.push(this);
      }
    };"""
NARROW = {"width": 360, "height": 640}


async def open_page_anew(page: Page, harness: PageHarness) -> None:
    """Open the page on an edge that asks the orchestrator again what it is."""
    await restore(harness)
    await open_page(page, harness.url)


async def findings(page: Page) -> list[str]:
    """What axe finds that is serious or worse."""
    await page.evaluate(AXE)
    found: dict[str, Any] = await page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("name", SCENES)
async def test_each_is_accessible_and_fits(browser: Browser, harness: PageHarness, name: str) -> None:
    async with visitor(browser) as page:
        try:
            await SCENES[name](page, harness)
            for theme in ("light", "dark"):
                await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                assert await findings(page) == [], theme
            await page.set_viewport_size(NARROW)  # type: ignore[arg-type]
            assert await page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        finally:
            await restore(harness)


class TestCaptions:
    async def test_what_was_not_heard_is_struck_and_says_so(self, browser: Browser, harness: PageHarness) -> None:
        async with visitor(browser) as page:
            await SCENES["cut"](page, harness)
            cut = page.locator(".reply").last
            assert await cut.locator(".spoken").inner_text() == " ".join(ANSWER.split()[:SPOKEN])
            await expect(cut.locator("s")).to_contain_text("deeper")
            await expect(cut).to_contain_text("not heard")

    async def test_a_turn_without_words_vanishes(self, browser: Browser, harness: PageHarness) -> None:
        async with visitor(browser) as page:
            talk = await called(page, harness)
            await talk.say(user_speech_started={"item_id": "item_1"})
            await page.locator(".turn").wait_for()
            await talk.say(user_turn_discarded={"item_id": "item_1"})
            await expect(page.locator(".turn")).to_have_count(0)

    async def test_what_models_write_is_never_markup(self, browser: Browser, harness: PageHarness) -> None:
        async with visitor(browser) as page:
            talk = await called(page, harness)
            await talk.say(reply_created={"reply_id": "reply_1", "item_id": "item_1"})
            await talk.say(reply_text_delta={"reply_id": "reply_1", "text": "<img src=x onerror=alert(1)>"})
            await expect(page.locator(".reply")).to_contain_text("<img src=x")

    async def test_finished_turns_are_announced_and_words_are_not(self, browser: Browser, harness: PageHarness) -> None:
        async with visitor(browser) as page:
            await SCENES["listening"](page, harness)
            await expect(page.locator("#announcer")).to_have_text("Ada: Hello! What is on your mind?")


class TestConsent:
    @pytest.mark.parametrize(("button", "consents"), [("#consent-no", False), ("#consent-yes", True)])
    async def test_it_is_asked_once_and_told(
        self, browser: Browser, harness: PageHarness, button: str, *, consents: bool
    ) -> None:
        async with visitor(browser, remembered=False) as page:
            await open_page(page, harness.url)
            await page.locator("#call").click()
            await page.locator(button).click()
            talk = await harness.fake.next_conversation()
            assert talk.config.session.recording_consent is consents
            await page.locator("#call").click()
            await open_page(page, harness.url)
            await page.locator("#call").click()
            assert (await harness.fake.next_conversation()).config.session.recording_consent is consents

    async def test_putting_the_question_off_begins_nothing(self, browser: Browser, harness: PageHarness) -> None:
        async with visitor(browser, remembered=False) as page:
            await open_page(page, harness.url)
            await page.locator("#call").click()
            await page.keyboard.press("Escape")
            await expect(page.locator("#consent")).to_be_hidden()
            await expect(page.locator("body")).to_have_attribute("data-stage", "idle")

    async def test_a_change_of_mind_is_told_at_once(self, browser: Browser, harness: PageHarness) -> None:
        async with visitor(browser) as page:
            talk = await called(page, harness)
            await page.locator("#settings-open").click()
            await page.locator("#setting-consent").check()
            assert (await talk.next_request("update")).update.session.recording_consent


class TestPeople:
    async def test_the_chosen_one_is_asked_for(self, browser: Browser, harness: PageHarness) -> None:
        async with visitor(browser) as page:
            await open_page(page, harness.url)
            await page.get_by_role("radio", name="Walter").check()
            await page.locator("#call").click()
            session = (await harness.fake.next_conversation()).config.session
            assert session.voice == "en-us"
            assert session.instructions.character.text.startswith("You are Walter")

    async def test_another_one_takes_over_in_the_middle(self, browser: Browser, harness: PageHarness) -> None:
        async with visitor(browser) as page:
            talk = await called(page, harness)
            await page.locator("#change").click()
            await page.get_by_role("radio", name="Colette").check()
            session = (await talk.next_request("update")).update.session
            assert (session.voice, session.instructions.character.language) == ("fr-fr+f2", "fr")

    async def test_one_that_is_not_known_is_refused_in_words(self, browser: Browser, harness: PageHarness) -> None:
        harness.fake.refusal = InvalidRequest("no character 'poem'", field="config.session.instructions")
        async with visitor(browser) as page:
            await open_page(page, harness.url)
            await page.locator("#call").click()
            await expect(page.locator("#trouble-title")).to_have_text("This character does not exist here")
            await expect(page.locator("#trouble-text")).to_contain_text("No character 'poem'.")
        await restore(harness)

    async def test_without_the_list_one_talks_all_the_same(self, browser: Browser, harness: PageHarness) -> None:
        async with visitor(browser) as page:
            await page.route("**/v1/voices", lambda route: route.fulfill(status=503, body="{}"))
            talk = await called(page, harness)
            assert talk.config.session.voice == ""

    async def test_only_what_the_built_in_rules_can_play_is_offered_where_they_answer(
        self, browser: Browser, harness: PageHarness
    ) -> None:
        described, harness.fake.description = (
            harness.fake.description,
            pb.DescribeServiceResponse(answers_by_rules=True),
        )
        try:
            async with visitor(browser) as page:
                await open_page_anew(page, harness)
                names = await page.locator(".person .name").all_inner_texts()
                assert [name.split()[0] for name in names] == ["Ada", "Quentin"]
                await expect(page.locator("#answers")).to_have_text(
                    "The answers come from built-in rules, not from a language model."
                )
                await page.locator("#settings-open").click()
                await expect(page.locator("#setting-prompt")).to_be_hidden()
                await expect(page.locator("#setting-consent")).to_be_hidden()
        finally:
            harness.fake.description = described

    async def test_choosing_leaves_the_captions_in_sight_and_ends_with_a_click(
        self, browser: Browser, harness: PageHarness
    ) -> None:
        async with visitor(browser, phone=True) as page:
            await SCENES["choosing"](page, harness)
            await expect(page.locator(".reply")).to_be_in_viewport()
            await expect(page.locator("#words")).to_be_in_viewport()
            await page.locator(".person", has_text="Walter").click()
            await expect(page.locator("#people")).to_be_hidden()
            await expect(page.locator("#partner-name")).to_have_text("Walter")

    async def test_on_a_phone_one_can_type_without_scrolling(self, browser: Browser, harness: PageHarness) -> None:
        async with visitor(browser, phone=True) as page:
            await open_page(page, harness.url)
            await expect(page.locator("#words")).to_be_in_viewport(ratio=1)
            await expect(page.locator(".person").first).to_be_in_viewport()

    async def test_a_voice_can_be_heard(self, browser: Browser, harness: PageHarness) -> None:
        async with visitor(browser) as page:
            await open_page(page, harness.url)
            async with page.expect_response("**/v1/voices/*/sample") as coming:
                await page.get_by_role("button", name="Hear Colette").click()
            answer = await coming.value
            assert answer.status in (200, 206)
            assert answer.url.endswith("/v1/voices/fr-fr%2Bf2/sample")
            await expect(page.get_by_role("button", name="Hear Colette")).to_have_attribute("aria-pressed", "true")
            await page.get_by_role("button", name="Hear Colette").click()
            await expect(page.get_by_role("button", name="Hear Colette")).to_have_attribute("aria-pressed", "false")
            assert await page.get_by_role("radio", name="Ada").is_checked()

    async def test_a_sample_that_is_not_to_be_had_is_told(self, browser: Browser, harness: PageHarness) -> None:
        async with visitor(browser) as page:
            await page.route("**/sample", lambda route: route.fulfill(status=503, body="{}"))
            await open_page(page, harness.url)
            await page.get_by_role("button", name="Hear Ada").click()
            await expect(page.locator("#note")).to_have_text("This voice cannot be played just now.")


class TestWishes:
    async def test_they_open_the_conversation_and_change_it(self, browser: Browser, harness: PageHarness) -> None:
        async with visitor(browser) as page:
            await open_page(page, harness.url)
            await page.locator("#settings-open").click()
            await page.locator("#setting-language").select_option(label="French")
            await page.locator("#setting-eagerness").select_option("EAGERNESS_LOW")
            await page.locator("#setting-prompt").fill("You are a pirate.")
            await page.locator("#settings-close").click()
            await page.locator("#call").click()
            talk = await harness.fake.next_conversation()
            session = talk.config.session
            assert (session.language, session.eagerness) == ("fr", pb.EAGERNESS_LOW)
            assert session.ignore_backchannels
            assert session.instructions.character.text == "You are a pirate."
            await page.locator("#settings-open").click()
            await page.locator("#setting-language").select_option("")
            changed = (await talk.next_request("update")).update.session
            assert changed.HasField("language")
            assert changed.language == ""

    async def test_the_chosen_devices_are_asked_for(self, browser: Browser, harness: PageHarness) -> None:
        spy = """
            const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            navigator.mediaDevices.getUserMedia = (wish) => ((window.wish = wish), ask(wish));
            const sink = AudioContext.prototype.setSinkId;
            AudioContext.prototype.setSinkId = function (id) { window.sink = id; return sink.call(this, id); };"""
        async with visitor(browser, spy) as page:
            talk = await called(page, harness)
            await page.locator("#settings-open").click()
            chosen = {}
            for kind in ("microphone", "loudspeaker"):
                options = page.locator(f"#setting-{kind} option")
                await expect(options.nth(1)).to_be_attached()
                chosen[kind] = await options.nth(1).get_attribute("value")
                await page.locator(f"#setting-{kind}").select_option(chosen[kind])
            await page.wait_for_function("id => window.wish.audio.deviceId?.ideal === id", arg=chosen["microphone"])
            await page.wait_for_function("id => window.sink === id", arg=chosen["loudspeaker"])
            while not talk.requests.empty():
                talk.requests.get_nowait()
            await talk.next_request("audio")


class TestStopping:
    @pytest.mark.parametrize("way", ["button", "key"])
    async def test_an_answer_can_be_stopped(self, browser: Browser, harness: PageHarness, way: str) -> None:
        async with visitor(browser) as page:
            talk = await called(page, harness)
            await expect(page.locator("#stop")).to_be_disabled()
            await talk.say(reply_created={"reply_id": "reply_1", "item_id": "item_1"})
            await talk.say(reply_text_delta={"reply_id": "reply_1", "text": "Once upon a time"})
            await talk.say(reply_audio={"reply_id": "reply_1", "audio": tone(8)})
            await expect(page.locator("#state")).to_have_text("Speaking")
            await (page.locator("#stop").click() if way == "button" else page.keyboard.press("Escape"))
            asked = await talk.next_request("cancel_reply")
            assert not asked.cancel_reply.HasField("reply_id")
            cause = pb.CANCEL_CAUSE_REQUESTED
            await talk.say(reply_cancelled={"reply_id": "reply_1", "cause": cause, "heard_text": "Once"})
            await expect(page.locator(".reply s")).to_have_text(" upon a time")
            await expect(page.locator("#stop")).to_be_disabled()
            await expect(page.locator("#state")).to_have_text("Listening")

    async def test_where_nothing_is_answered_escape_asks_for_nothing(
        self, browser: Browser, harness: PageHarness
    ) -> None:
        async with visitor(browser) as page:
            talk = await called(page, harness)
            await page.keyboard.press("Escape")
            await page.locator("#words").fill("Hello")
            await page.locator("#words").press("Enter")
            kinds = []
            while "text" not in kinds:
                kinds.append((await talk.next_request()).WhichOneof("request"))
            assert set(kinds) <= {"audio", "text"}


LOUD_MICROPHONE = """
    navigator.mediaDevices.getUserMedia = async () => {
      const context = new AudioContext({ sampleRate: 24000 });
      const [tone, out] = [new OscillatorNode(context, { frequency: 300 }), context.createMediaStreamDestination()];
      tone.connect(out);
      tone.start();
      return out.stream;
    };
    delete globalThis.AudioEncoder;"""
"""An init script: the microphone hears a tone all the time, and what it hears is sent as PCM."""


async def is_heard(talk: Conversation) -> bool:
    """Whether what the microphone sends next is more than silence."""
    return any((await talk.next_request("audio")).audio.audio)


async def until_heard(talk: Conversation, *, heard: bool) -> None:
    async with asyncio.timeout(10):
        while await is_heard(talk) is not heard:
            pass


class TestPushToTalk:
    @pytest.mark.parametrize("way", ["hold", "tap", "space"])
    async def test_it_is_heard_while_pushed_and_then_the_turn_ends(
        self, browser: Browser, harness: PageHarness, way: str
    ) -> None:
        remembered = "localStorage.parley = JSON.stringify({consents: false, push: true})"
        async with visitor(browser, LOUD_MICROPHONE, remembered) as page:
            talk = await called(page, harness)
            assert talk.config.session.turn_mode == pb.TURN_MODE_MANUAL
            await expect(page.locator("#mute")).to_be_hidden()
            await expect(page.locator("#push-label")).to_have_text("Hold to talk")
            assert not await is_heard(talk)
            if way == "space":
                await page.keyboard.down(" ")
            else:
                await page.locator("#push").hover()
                await page.mouse.down()
                if way == "tap":
                    await page.mouse.up()
            await until_heard(talk, heard=True)
            await expect(page.locator("#push-label")).to_have_text("Let go to end")
            await page.wait_for_timeout(400)
            assert await is_heard(talk)
            if way == "space":
                await page.keyboard.up(" ")
            elif way == "hold":
                await page.mouse.up()
            else:
                await page.locator("#push").click()
            await talk.next_request("commit_turn")
            await until_heard(talk, heard=False)

    async def test_pushing_stops_the_answer(self, browser: Browser, harness: PageHarness) -> None:
        remembered = "localStorage.parley = JSON.stringify({consents: false, push: true})"
        async with visitor(browser, remembered) as page:
            talk = await called(page, harness)
            await talk.say(reply_created={"reply_id": "reply_1", "item_id": "item_1"})
            await talk.say(reply_audio={"reply_id": "reply_1", "audio": tone(8)})
            await expect(page.locator("#state")).to_have_text("Speaking")
            await page.locator("#push").click()
            await talk.next_request("cancel_reply")

    async def test_it_can_be_switched_on_and_off_in_a_conversation(
        self, browser: Browser, harness: PageHarness
    ) -> None:
        async with visitor(browser, LOUD_MICROPHONE) as page:
            talk = await called(page, harness)
            assert talk.config.session.turn_mode == pb.TURN_MODE_AUTOMATIC
            assert await is_heard(talk)
            for on, mode in ((True, pb.TURN_MODE_MANUAL), (False, pb.TURN_MODE_AUTOMATIC)):
                await page.locator("#settings-open").click()
                await page.locator("#setting-push").set_checked(on)
                await page.locator("#settings-close").click()
                assert (await talk.next_request("update")).update.session.turn_mode == mode
                await until_heard(talk, heard=not on)


class TestTrouble:
    async def test_a_page_that_is_not_safe_offers_typing_and_is_read(
        self, browser: Browser, harness: PageHarness
    ) -> None:
        async with visitor(browser) as page:
            await open_page(page, f"http://{UNSAFE_HOST}:{harness.port}/")
            await page.locator("#call").click()
            await expect(page.locator("#trouble-text")).to_contain_text("https://")
            await page.locator("#trouble-type").click()
            talk = await harness.fake.next_conversation()
            assert talk.config.typed_only
            assert talk.config.session.reply_modality == pb.REPLY_MODALITY_TEXT
            await page.locator("#words").fill("Hello")
            await page.locator("#words").press("Enter")
            assert (await talk.next_request("text")).text.text == "Hello"
            await talk.say(reply_created={"reply_id": "reply_1", "item_id": "item_1"})
            await talk.say(reply_text_delta={"reply_id": "reply_1", "text": "Good morning."})
            await expect(page.locator(".reply")).to_contain_text("Good morning.")

    async def test_thinking_better_of_it_while_the_browser_asks_leaves_no_microphone_on(
        self, browser: Browser, harness: PageHarness
    ) -> None:
        slow = MICROPHONE_SPY.replace("(await ask", "(await new Promise((go) => (window.allow = go)), await ask")
        async with visitor(browser, slow) as page:
            await open_page(page, harness.url)
            await page.locator("#call").click()
            await expect(page.locator("#call-label")).to_have_text("Cancel")
            await page.wait_for_function("() => !!window.allow")
            await page.locator("#call").click()
            await page.evaluate("window.allow()")
            await page.wait_for_function("() => window.stream?.getAudioTracks()[0].readyState === 'ended'")
            await expect(page.locator("#trouble")).to_be_hidden()

    async def test_a_warning_passes_by(self, browser: Browser, harness: PageHarness) -> None:
        async with visitor(browser) as page:
            talk = await called(page, harness)
            await talk.say(warning={"reason": "TTS_FAILED", "message": "I have lost my voice for a moment."})
            await expect(page.locator("#note")).to_have_text("I have lost my voice for a moment.")
            await expect(page.locator("body")).to_have_attribute("data-stage", "talking")

    async def test_a_lost_connection_is_taken_up_with_a_token(self, browser: Browser, harness: PageHarness) -> None:
        async with visitor(browser, SOCKET_SPY) as page:
            talk = await called(page, harness)
            await talk.say(user_turn_ended={"item_id": "item_1", "text": "Hello?"})
            await talk.say(reply_created={"reply_id": "reply_1", "item_id": "item_2"})
            await talk.say(checkpoint={"state": b"the state of the orchestrator"})
            await talk.say(reply_text_delta={"reply_id": "reply_1", "text": "One two"})
            await talk.say(reply_text_delta={"reply_id": "reply_1", "text": " three"})
            await talk.say(reply_audio={"reply_id": "reply_1", "audio": tone(8)})
            await talk.say(reply_word_spoken={"reply_id": "reply_1", "text": "One"})
            await expect(page.locator(".reply .now")).to_have_text("One")
            await page.evaluate("sockets.at(-1).close()")
            again = (await harness.fake.next_conversation()).config
            assert again.resume.checkpoint == b"the state of the orchestrator"
            assert again.resume.reply == pb.ReplySoFar(reply_id="reply_1", text="One two three", heard_text="One")
            assert again.session == pb.SessionConfig(recording_consent=False)
            await expect(page.locator(".divider")).to_have_text("The connection was lost, and is back")
            await expect(page.locator(".turn").first).to_contain_text("Hello?")

    async def test_without_a_token_that_works_it_begins_with_what_was_said(
        self, browser: Browser, harness: PageHarness
    ) -> None:
        async with visitor(browser, SOCKET_SPY) as page:
            talk = await called(page, harness)
            await talk.say(user_turn_ended={"item_id": "item_1", "text": "Hello?"})
            await talk.say(checkpoint={"state": b"the state of the orchestrator"})
            await expect(page.locator(".turn").first).to_contain_text("Hello?")
            await harness.stop_edge()
            await harness.start_edge()
            again = (await harness.fake.next_conversation()).config
            assert not again.HasField("resume")
            assert [item.text for item in again.history] == ["Hello?"]

    async def test_a_typed_turn_that_is_rejected_comes_back(self, browser: Browser, harness: PageHarness) -> None:
        async with visitor(browser) as page:
            talk = await called(page, harness)
            await page.locator("#words").fill("Too much")
            await page.locator("#words").press("Enter")
            asked = await talk.next_request("text")
            await talk.say(asked.request_id, request_rejected={"reason": "BAD_REQUEST", "message": "text is too long"})
            await expect(page.locator("#words")).to_have_value("Too much")
            await expect(page.locator("#note")).to_have_text("Text is too long.")

    async def test_hanging_up_gives_the_microphone_back(self, browser: Browser, harness: PageHarness) -> None:
        async with visitor(browser, MICROPHONE_SPY) as page:
            talk = await called(page, harness)
            await page.locator("#call").click()
            await talk.hung_up()
            assert await page.evaluate("stream.getAudioTracks()[0].readyState") == "ended"

    async def test_a_microphone_that_is_unplugged_is_looked_for_again(
        self, browser: Browser, harness: PageHarness
    ) -> None:
        async with visitor(browser, MICROPHONE_SPY) as page:
            talk = await called(page, harness)
            await page.evaluate("stream.getAudioTracks()[0].dispatchEvent(new Event('ended'))")
            await page.wait_for_function("() => window.asked === 2")
            await expect(page.locator("#unplugged")).to_be_hidden()
            while not talk.requests.empty():
                talk.requests.get_nowait()
            await talk.next_request("audio")


async def test_all_of_it_by_keyboard(browser: Browser, harness: PageHarness) -> None:
    async with visitor(browser) as page:
        await open_page(page, harness.url)
        await expect(page.locator("#own-open")).to_be_visible()
        reached = []
        for _ in range(8):
            await page.keyboard.press("Tab")
            reached.append(await page.evaluate("document.activeElement.id || document.activeElement.name"))
        assert reached == ["", "settings-open", "call", "switch", "person", "hear", "own-open", "words"]
        await page.locator("#call").focus()
        await page.keyboard.press("Enter")
        talk: Conversation = await harness.fake.next_conversation()
        await expect(page.locator("body")).to_have_attribute("data-stage", "talking")
        await talk.say(reply_created={"reply_id": "reply_1", "item_id": "item_1"})
        await talk.say(reply_audio={"reply_id": "reply_1", "audio": tone(1)})
        await page.keyboard.press("m")
        await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
        await page.locator("#words").focus()
        await page.keyboard.type("hm")
        await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
        await expect(page.locator("#words")).to_have_value("hm")


async def test_what_is_remembered_is_only_wishes(browser: Browser, harness: PageHarness) -> None:
    async with visitor(browser) as page:
        await SCENES["ended"](page, harness)
        kept = json.loads(await page.evaluate("JSON.stringify({...localStorage})"))
        assert set(kept) == {"parley"}
        assert set(json.loads(kept["parley"])) <= {
            "consents",
            "voice",
            "theme",
            "shortcut",
            "push",
            "language",
            "eagerness",
            "microphone",
            "loudspeaker",
        }
