"""The page's modules that touch no document, run where they will run: in a browser, from the edge."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from edge.audio.ogg import InvalidAudio, OggReader
from edge.audio.opus import OpusDecoder
from tests.edge.sounds import opus_stream, pages_of
from tests.edge.sounds import page as ogg_page
from tests.page.chromium import open_page, visitor
from tests.page.harness import PageHarness

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def here(browser: Browser, shared_house: PageHarness) -> AsyncIterator[Page]:
    async with visitor(browser) as page:
        await open_page(page, shared_house.url)
        yield page


async def run(page: Page, module: str, body: str, *given: Any) -> Any:
    """Run `body`, an asynchronous function's, with the module's exports as `m` and what is given as `given`."""
    return await page.evaluate(
        f"async ([given]) => {{ const m = await import('/page/{module}.js'); {body} }}", [list(given)]
    )


class TestBackoff:
    async def test_it_doubles_up_to_half_a_minute(self, here: Page) -> None:
        delays = await run(here, "backoff", "return [...Array(8).keys()].map(n => m.retryDelay(n, 0, () => 0))")
        assert delays == [1, 2, 4, 8, 16, 30, 30, 30]

    async def test_it_is_spread_and_heeds_the_server(self, here: Page) -> None:
        assert await run(here, "backoff", "return m.retryDelay(0, 0, () => 1)") == 1.25
        assert await run(here, "backoff", "return m.retryDelay(0, 12, () => 0)") == 12
        assert await run(here, "backoff", "return m.retryDelay(60, 90, () => 0)") == 90


class TestPlayback:
    """Blocks are 20 ms, 480 samples."""

    SETUP = """
        const told = [];
        const playback = new m.Playback((...report) => told.push(report));
        let played = 0;
        const block = (state, samples = 480) => playback.block({ replyId: "r", played: (played += samples), state }, 0);
        playback.begin("r");
    """

    async def test_it_reports_every_100_ms_and_when_playing_stops_or_goes_on(self, here: Page) -> None:
        body = (
            self.SETUP
            + """
            for (let i = 0; i < 7; i++) block("playing");
            block("paused", 0);
            block("paused", 0);
            block("playing");
            playback.end("r");
            block("playing");
            return told;
        """
        )
        assert await run(here, "playback", body) == [
            ["r", 0.02, False],
            ["r", 0.12, False],
            ["r", 0.14, True],
            ["r", 0.16, False],
        ]

    async def test_a_reply_that_is_cut_short_is_reported_once_more_when_it_has_stopped(self, here: Page) -> None:
        body = (
            self.SETUP
            + """
            block("playing");
            playback.cut("r");
            block("playing");
            block("paused", 120);
            block("paused", 0);
            playback.stalled();
            return told;
        """
        )
        assert await run(here, "playback", body) == [["r", 0.02, False], ["r", 0.045, True]]

    async def test_nothing_is_said_of_one_that_was_cut_short_when_another_has_begun(self, here: Page) -> None:
        body = (
            self.SETUP
            + """
            block("playing");
            playback.cut("r");
            playback.begin("s");
            block("paused", 120);
            return told;
        """
        )
        assert await run(here, "playback", body) == [["r", 0.02, False], ["s", 0, True]]

    async def test_before_a_typed_turn_all_that_will_be_heard_is_reported(self, here: Page) -> None:
        body = (
            self.SETUP
            + """
            playback.breaksOff();
            for (let i = 0; i < 3; i++) block("playing");
            playback.breaksOff();
            playback.end("r");
            playback.breaksOff();
            return told;
        """
        )
        assert await run(here, "playback", body) == [["r", 0, False], ["r", 0.02, False], ["r", 0.06, False]]

    async def test_where_the_browser_has_stopped_the_sound_that_is_told_too(self, here: Page) -> None:
        body = (
            self.SETUP
            + """
            block("playing");
            playback.cut("q");
            playback.stalled();
            playback.cut("r");
            playback.stalled();
            playback.stalled();
            return told;
        """
        )
        assert await run(here, "playback", body) == [["r", 0.02, False], ["r", 0.02, True], ["r", 0.02, True]]


class TestProtocol:
    async def test_parsing(self, here: Page) -> None:
        parsed = "return given.map(m.parsed)"
        frames = ['{"replyHeld":{"replyId":"r"}}', '{"requestId":"a","started":{}}', "{}", "nonsense", "null", "[]"]
        assert await run(here, "protocol", parsed, *frames) == [
            {"kind": "replyHeld", "body": {"replyId": "r"}, "requestId": None},
            {"kind": "started", "body": {}, "requestId": "a"},
            None,
            None,
            None,
            None,
        ]

    async def test_durations(self, here: Page) -> None:
        assert await run(here, "protocol", "return ['0.320s', '7s', undefined, 'x'].map(m.seconds)") == [0.32, 7, 0, 0]

    async def test_base64_there_and_back(self, here: Page) -> None:
        body = "const b = Uint8Array.from({length: 70_001}, (_, i) => i % 256); const e = m.toBase64(b);"
        encoded = await run(here, "protocol", body + "return [e, m.fromBase64(e).every((x, i) => x === b[i])]")
        assert base64.b64decode(encoded[0]) == bytes(i % 256 for i in range(70_001))
        assert encoded[1]


class TestOgg:
    PAGES = """
        const writer = new m.OggOpusWriter(24_000, 42);
        const bytes = [...writer.headers];
        for (const packets of given[0]) bytes.push(...writer.page(packets.map(p => Uint8Array.from(p)), 0.04));
        return bytes;"""

    async def test_its_pages_are_right(self, here: Page) -> None:
        packets = [[[1, 2, 3], [4] * 255], [[5] * 600, [6]]]
        stream = bytes(await run(here, "ogg", self.PAGES, packets))
        pages = list(OggReader().read(stream))
        assert [page.body[:8] for page in pages[:2]] == [b"OpusHead", b"OpusTags"]
        assert [page.begins_stream for page in pages] == [True, False, False, False]
        assert [page.body for page in pages[2:]] == [b"".join(map(bytes, each)) for each in packets]
        assert {page.serial for page in pages} == {42}

    async def test_what_a_browser_encodes_the_edge_decodes(self, here: Page) -> None:
        body = """
            const bytes = [];
            const uplink = new m.OpusUplink(page => bytes.push(...page));
            const tone = (i) => 0.3 * Math.sin(2 * Math.PI * 440 * i / 24_000);
            for (let n = 0; n < 50; n++) uplink.push(Float32Array.from({length: 480}, (_, i) => tone(480 * n + i)));
            await new Promise(resolve => setTimeout(resolve, 500));
            uplink.close();
            return bytes;"""
        stream = bytes(await run(here, "uplink", body))
        pcm = b"".join(OpusDecoder().decode(stream, 0.0))
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / 32_768
        assert len(samples) >= 22_000
        assert np.sqrt(np.mean(samples[2_400:] ** 2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.1)
        assert int(np.argmax(np.abs(np.fft.rfft(samples[-12_000:])))) == pytest.approx(220, abs=1)

    @pytest.mark.parametrize("piece", [1, 97, 100_000])
    async def test_packets_are_found_in_pieces_of_any_size(self, here: Page, piece: int) -> None:
        packets = [bytes([n]) * size for n, size in enumerate((3, 255, 510, 700), 1)]
        stream = (
            ogg_page(b"OpusHead", flags=2) + ogg_page(b"OpusTags") + ogg_page(*packets[:2]) + ogg_page(*packets[2:])
        )
        damaged = bytearray(ogg_page(b"lost"))
        damaged[-1] ^= 1
        pieces = [list(part) for part in split(b"noise" + stream + bytes(damaged) + ogg_page(b"last"), piece)]
        body = """
            const reader = new m.OggOpusReader();
            return given[0].flatMap(piece => reader.read(Uint8Array.from(piece))).map(packet => [...packet]);"""
        found = await run(here, "ogg", body, pieces)
        assert [bytes(each) for each in found] == [*packets, b"last"]

    async def test_what_the_edge_encodes_a_browser_plays(self, here: Page) -> None:
        body = """
            const heard = [];
            const play = (id, samples) => heard.push([id, samples.length]);
            const downlink = new m.OpusDownlink(play, id => heard.push([id, "end"]));
            given[0].forEach((page, n) => downlink.push(n < 12 ? "r1" : "r2", Uint8Array.from(page)));
            downlink.end("r2");
            await new Promise(resolve => setTimeout(resolve, 500));
            downlink.close();
            return heard;"""
        heard = await run(here, "downlink", body, [list(page) for page in pages_of(opus_stream(1.0))])
        lengths = {reply: sum(n for each, n in heard if each == reply and n != "end") for reply in ("r1", "r2")}
        # Ten pages of 40 ms after the two of the headers; the rest is the second reply's.
        assert lengths["r1"] == pytest.approx(9_600, abs=60)
        assert lengths["r2"] == pytest.approx(24_000 - 9_600, abs=1_000)
        assert heard[-1] == ["r2", "end"]


class TestPcm:
    async def test_samples_go_up_as_they_are(self, here: Page) -> None:
        body = """
            const messages = [];
            const uplink = new m.PcmUplink((bytes, samples) => messages.push([[...bytes], samples]));
            for (let n = 0; n < 4; n++) uplink.push(Float32Array.from({length: 480}, (_, i) => (480 * n + i) / 2_000));
            return messages;"""
        messages = await run(here, "uplink", body)
        assert [samples for _, samples in messages] == [960, 960]
        pcm = np.frombuffer(b"".join(bytes(each) for each, _ in messages), "<i2")
        assert np.abs(pcm - np.arange(1_920) / 2_000 * 32_767).max() <= 0.51

    async def test_samples_come_down_as_they_are(self, here: Page) -> None:
        body = """
            const heard = [];
            const downlink = new m.PcmDownlink((id, samples) => heard.push(id, ...samples), (id) => heard.push(id));
            downlink.push("r1", Uint8Array.of(0, 64, 0, 192));
            downlink.end("r1");
            return heard;"""
        assert await run(here, "downlink", body) == ["r1", 0.5, -0.5, "r1"]


def split(stream: bytes, size: int) -> list[bytes]:
    return [stream[at : at + size] for at in range(0, len(stream), size)]


class TestJitterBuffer:
    """At 1 000 samples a second: 80 are waited for, and a fade takes 5."""

    BEGIN = """
        const buffer = new m.JitterBuffer(1_000);
        const ones = (id, length) => buffer.push(id, new Float32Array(length).fill(1));
        const events = [];
        const pull = (length) => {
          const block = new Float32Array(length);
          events.push(...buffer.pull(block).map(({kind, replyId, at}) => [kind, replyId, at]));
          return [...block];
        };"""

    async def play(self, page: Page, body: str) -> Any:
        return await run(page, "jitter", self.BEGIN + body)

    async def test_it_waits_for_a_little_sound(self, here: Page) -> None:
        body = "ones('r', 79); const before = pull(20); ones('r', 1); return [before, pull(20), events]"
        before, after, events = await self.play(here, body)
        assert set(before) == {0}
        assert after[-1] == 1
        assert events == [["started", "r", 0]]

    async def test_a_short_reply_that_is_complete_is_not_waited_for(self, here: Page) -> None:
        body = "ones('r', 30); buffer.complete('r'); const played = pull(50); return [played, events]"
        played, events = await self.play(here, body)
        assert sum(played) == pytest.approx(30, abs=6)
        assert events == [["started", "r", 0], ["finished", "r", 29]]

    async def test_it_begins_and_ends_without_a_click(self, here: Page) -> None:
        played = await self.play(here, "ones('r', 200); buffer.complete('r'); return pull(250)")
        assert max(abs(np.diff([0, *played]))) <= 0.21

    async def test_an_underrun_makes_it_wait_longer(self, here: Page) -> None:
        body = "ones('r', 80); const played = pull(100); return [played, events, buffer.target]"
        played, events, target = await self.play(here, body)
        assert max(abs(np.diff([0, *played]))) <= 0.21
        assert events == [["started", "r", 0], ["underrun", "r", 79]]
        assert target == pytest.approx(0.12)

    async def test_after_a_calm_while_it_waits_less_again(self, here: Page) -> None:
        target = await self.play(here, "ones('r', 80); pull(100); pull(30_000); return buffer.target")
        assert target == pytest.approx(0.08)

    async def test_holding_stops_at_once_and_resuming_goes_on(self, here: Page) -> None:
        body = """
            ones('r', 300); pull(50); buffer.hold(); const held = pull(50);
            buffer.resume(); const resumed = pull(50); return [held, resumed]"""
        held, resumed = await self.play(here, body)
        assert set(held[6:]) == {0}
        assert max(abs(np.diff([1, *held]))) <= 0.21
        assert resumed[-1] == 1

    async def test_what_is_dropped_is_never_heard_whatever_still_comes(self, here: Page) -> None:
        body = """
            ones('r', 300); pull(50); buffer.drop('r'); const dropped = pull(20);
            ones('r', 300); const late = pull(300); return [dropped, late, events]"""
        dropped, late, events = await self.play(here, body)
        assert set(dropped[6:]) == {0}
        assert max(abs(np.diff([1, *dropped]))) <= 0.41
        assert set(late) == {0}
        assert events == [["started", "r", 0]]

    async def test_the_next_reply_is_heard_after_one_was_dropped_while_held(self, here: Page) -> None:
        body = """
            ones('r', 300); pull(50); buffer.hold(); pull(50); buffer.drop('r');
            ones('s', 100); const next = pull(100); return [next, events]"""
        played, events = await self.play(here, body)
        assert max(played) == 1
        assert events[1][:2] == ["started", "s"]

    async def test_clearing_drops_everything(self, here: Page) -> None:
        body = "ones('r', 300); ones('s', 300); pull(50); buffer.clear(); pull(10); return pull(600)"
        assert set(await self.play(here, body)) == {0}

    async def test_after_clearing_a_reply_of_the_same_name_is_another(self, here: Page) -> None:
        body = """
            ones('r', 200); pull(50); buffer.drop('r'); buffer.complete('r'); buffer.clear(); pull(50);
            const { replyId, played } = buffer.progress;
            events.length = 0;
            ones('r', 100); const heard = pull(60);
            return [replyId, played, heard, events, buffer.progress]"""
        before, played_before, heard, events, progress = await self.play(here, body)
        assert (before, played_before) == (None, 5)
        assert heard[-1] == 1
        assert events == [["started", "r", 0]]
        assert progress == {"replyId": "r", "played": 60, "state": "playing"}

    async def test_what_fades_after_clearing_is_no_underrun(self, here: Page) -> None:
        body = "ones('r', 200); pull(50); buffer.clear(); pull(50); return [events, buffer.target]"
        events, target = await self.play(here, body)
        assert (events, target) == ([["started", "r", 0]], pytest.approx(0.08))


class TestResampler:
    @pytest.mark.parametrize(
        ("source", "target"), [(48_000, 24_000), (44_100, 24_000), (24_000, 48_000), (16_000, 24_000)]
    )
    async def test_a_tone_stays_what_it_is(self, here: Page, source: int, target: int) -> None:
        body = """
            const [from, to] = given;
            const resampler = new m.Resampler(from, to);
            const tone = Float32Array.from({length: from}, (_, i) => Math.sin(2 * Math.PI * 1_000 * i / from));
            const output = [];
            for (let n = 0; n < tone.length; n += 128) output.push(...resampler.process(tone.subarray(n, n + 128)));
            return output;"""
        output = np.array(await run(here, "resample", body, source, target))
        assert len(output) == pytest.approx(target, abs=100)
        steady = output[1_000:-1_000]
        assert np.sqrt(np.mean(steady**2)) == pytest.approx(np.sqrt(0.5), rel=0.01)
        spectrum = np.abs(np.fft.rfft(steady * np.hanning(len(steady))))
        peak = int(np.argmax(spectrum))
        assert peak * target / len(steady) == pytest.approx(1_000, rel=0.01)
        rest = np.concatenate([spectrum[: peak - 5], spectrum[peak + 6 :]])
        assert rest.max() < spectrum[peak] / 300

    async def test_the_same_rate_passes_through(self, here: Page) -> None:
        body = "return [...new m.Resampler(8, 8).process(Float32Array.of(1, 0.5))]"
        assert await run(here, "resample", body) == [1, 0.5]


class TestRecording:
    async def test_both_sides_are_kept_in_their_channels(self, here: Page) -> None:
        body = """
            const recording = new m.Recording();
            const all = (value) => new Float32Array(480).fill(value);
            for (let n = 0; n < 600; n++) recording.add(all(0.5), all(-2));
            return [recording.seconds, [...new Uint8Array(await recording.wav().arrayBuffer())].slice(0, 52),
                    (await recording.wav().arrayBuffer()).byteLength]"""
        seconds, start, size = await run(here, "recording", body)
        assert seconds == 12
        assert size == 44 + 12 * 24_000 * 4
        assert bytes(start[:4] + start[8:16]) == b"RIFFWAVEfmt "
        assert np.frombuffer(bytes(start[44:]), "<i2").tolist() == [16_384, -32_767] * 2

    async def test_it_is_bounded(self, here: Page) -> None:
        body = """
            const recording = new m.Recording(1);
            for (let n = 0; n < 60; n++) recording.add(new Float32Array(480), new Float32Array(480));
            return [recording.seconds, recording.isFull, recording.elapsed]"""
        assert await run(here, "recording", body) == [1, True, 1.2]


class TestConversation:
    AFTER = """
        let state = m.NOTHING_YET;
        for (const [kind, body] of given) state = m.after(state, {kind, body}, {at: 1, name: "Ada"});
        return [state, m.floor(state)];"""

    async def after(self, page: Page, *events: tuple[str, dict[str, Any]]) -> Any:
        return await run(page, "conversation", self.AFTER, *events)

    REPLY = (
        ("replyCreated", {"replyId": "r", "itemId": "i"}),
        ("replyTextDelta", {"replyId": "r", "text": "Well,"}),
        ("replyTextDelta", {"replyId": "r", "text": " hello there."}),
    )

    async def test_a_reply_is_prepared_and_spoken(self, here: Page) -> None:
        state, floor = await self.after(here, *self.REPLY)
        assert (state["entries"][0]["text"], floor) == ("Well, hello there.", "thinking")
        spoken = (("replyAudio", {"replyId": "r"}), ("replyWordSpoken", {"replyId": "r", "text": "Well,"}))
        state, floor = await self.after(here, *self.REPLY, *spoken)
        assert (state["entries"][0]["spoken"], floor) == (5, "speaking")

    async def test_what_was_not_heard_is_cut(self, here: Page) -> None:
        cancelled = ("replyCancelled", {"replyId": "r", "heardText": "Well, hello"})
        state, floor = await self.after(here, *self.REPLY, ("replyAudio", {"replyId": "r"}), cancelled)
        assert (state["entries"][0]["phase"], state["entries"][0]["spoken"], floor) == ("cut", 11, "listening")

    async def test_a_reply_nobody_heard_vanishes(self, here: Page) -> None:
        state, _ = await self.after(here, *self.REPLY, ("replyCancelled", {"replyId": "r"}))
        assert state["entries"] == []

    async def test_a_reply_that_no_voice_could_say_stays_as_one_that_was_not_heard(self, here: Page) -> None:
        failed = ("replyCancelled", {"replyId": "r", "cause": "CANCEL_CAUSE_FAILED"})
        (reply,) = (await self.after(here, *self.REPLY, failed))[0]["entries"]
        assert (reply["text"], reply["phase"], reply["spoken"]) == ("Well, hello there.", "cut", 0)

    async def test_what_comes_after_a_reply_was_cut_changes_nothing(self, here: Page) -> None:
        late = (
            ("replyWordSpoken", {"replyId": "r", "text": "Well,"}),
            ("replyCancelled", {"replyId": "r", "heardText": "Well,"}),
            ("replyTextDelta", {"replyId": "r", "text": " More."}),
            ("replyFinished", {"replyId": "r", "text": "All."}),
        )
        state, _ = await self.after(here, *self.REPLY, *late)
        assert (state["entries"][0]["text"], state["entries"][0]["phase"]) == ("Well, hello there.", "cut")

    async def test_guesses_are_replaced_and_words_stay(self, here: Page) -> None:
        events = (
            ("userSpeechStarted", {"itemId": "i"}),
            ("userPartialTranscript", {"text": "good mourning"}),
            ("userWordRecognized", {"itemId": "i", "text": "good"}),
            ("userPartialTranscript", {"text": "morning"}),
        )
        state, floor = await self.after(here, *events)
        turn = state["entries"][0]
        assert (turn["text"], turn["partial"], floor) == ("good", "morning", "hearing")
        state, floor = await self.after(here, *events, ("userTurnEnded", {"itemId": "i", "text": "good morning"}))
        turn = state["entries"][0]
        assert (turn["text"], turn["partial"], turn["isOpen"], floor) == ("good morning", "", False, "thinking")

    async def test_a_held_reply_has_the_floor_until_it_is_resumed(self, here: Page) -> None:
        held = (
            ("replyAudio", {"replyId": "r"}),
            ("userSpeechStarted", {"itemId": "i"}),
            ("replyHeld", {"replyId": "r"}),
        )
        assert (await self.after(here, *self.REPLY, *held))[1] == "held"
        resumed = (("userTurnDiscarded", {"itemId": "i"}), ("replyResumed", {"replyId": "r"}))
        state, floor = await self.after(here, *self.REPLY, *held, *resumed)
        assert (len(state["entries"]), floor) == (1, "speaking")

    async def test_a_silence_is_no_turn_to_show(self, here: Page) -> None:
        state, floor = await self.after(here, ("userTurnEnded", {"itemId": "i", "text": "..."}))
        assert (state["entries"], floor) == ([], "thinking")

    async def test_what_is_not_known_changes_nothing(self, here: Page) -> None:
        state, _ = await self.after(here, ("somethingNew", {}), ("replyWordSpoken", {"replyId": "x"}))
        assert state["entries"] == []

    async def test_a_new_conversation_leaves_the_one_before_though_the_server_counts_alike(self, here: Page) -> None:
        turn = ("userTurnEnded", {"itemId": "i", "text": "Hi!", "cause": "SPEECH_CAUSE_TYPED"})
        again = ("userTurnEnded", {"itemId": "i", "text": "Again.", "cause": "SPEECH_CAUSE_TYPED"})
        body = """
            let state = m.NOTHING_YET;
            for (const event of given) {
              if (event === null) state = m.divided(state, "-", 1);
              else state = m.after(state, {kind: event[0], body: event[1]}, {at: 1, name: "Ada"});
            }
            return [state.entries.map((each) => each.text), new Set(state.entries.map((each) => each.id)).size];"""
        heard = ("replyAudio", {"replyId": "r"}), ("replyFinished", {"replyId": "r"})
        unheard = ("replyCancelled", {"replyId": "r"})
        texts, ids = await run(here, "conversation", body, turn, *self.REPLY, *heard, None, again, *self.REPLY, unheard)
        assert texts == ["Hi!", "Well, hello there.", "-", "Again."]
        assert ids == len(texts)

    async def test_where_the_conversation_is_remembered_a_turn_goes_on(self, here: Page) -> None:
        body = """
            const at = (kind, text) => [{kind, body: {itemId: "i", text}}, {at: 1, name: ""}];
            let state = m.after(m.NOTHING_YET, ...at("userWordRecognized", "Good"));
            state = m.divided(state, "-", 1, { goesOn: true, remembers: true });
            state = m.after(state, ...at("userTurnEnded", "Good morning."));
            return state.entries.map((each) => each.text);"""
        assert await run(here, "conversation", body) == ["Good morning.", "-"]

    async def test_a_turn_that_was_missed_in_part_is_shown_once(self, here: Page) -> None:
        body = """
            const at = (kind, fields) => [{kind, body: {itemId: "i", ...fields}}, {at: 1, name: ""}];
            let state = m.after(m.NOTHING_YET, ...at("userWordRecognized", {text: "Good"}));
            state = m.divided(state, "-", 1, { goesOn: true, remembers: true });
            state = m.after(state, ...at("userTurnRestored", {text: "Good"}));
            const open = [m.floor(state), state.entries.map((each) => each.text)];
            state = m.after(state, ...at("userTurnRestored", {text: "Good morning.", ended: true}));
            const typed = {itemId: "j", text: "Hi!", ended: true, cause: "SPEECH_CAUSE_TYPED"};
            state = m.after(state, ...at("userTurnRestored", typed));
            return [...open, m.floor(state), state.entries.map((each) => each.text), state.entries.at(-1).isTyped];"""
        hearing, once, over, texts, typed = await run(here, "conversation", body)
        assert (hearing, once) == ("hearing", ["Good", "-"])
        assert (over, texts, typed) == ("listening", ["Good morning.", "-", "Hi!"], True)

    async def test_the_history_is_what_was_heard_in_the_present_conversation(self, here: Page) -> None:
        def turn(text: str) -> dict[str, Any]:
            return {"kind": "turn", "id": "i", "text": text}

        def reply(text: str, spoken: int) -> dict[str, Any]:
            return {"kind": "reply", "id": "r", "text": text, "spoken": spoken}

        def divider(*, goes_on: bool) -> dict[str, Any]:
            return {"kind": "divider", "id": "d", "text": "-", "goesOn": goes_on}

        entries = [turn("before"), divider(goes_on=False), reply("Hello there.", 5), turn("Hi!"), divider(goes_on=True)]
        entries += [reply("nothing of it", 0), turn("😀" * 10_001)]
        items = await run(here, "conversation", "return m.history({entries: given[0]})", entries)
        assert [each["role"] for each in items] == [f"HISTORY_ROLE_{role}" for role in ("ASSISTANT", "USER", "USER")]
        assert [each["text"] for each in items] == ["Hello", "Hi!", "😀" * 10_000]
        for text, most in (("a", 1_000), ("b" * 10_000, 20)):
            entries = [turn("old"), *[turn(text)] * most]
            items = await run(here, "conversation", "return m.history({entries: given[0]})", entries)
            assert [each["text"] for each in items] == [text] * most


class TestTranscript:
    async def test_it_marks_what_was_not_heard(self, here: Page) -> None:
        entries = [
            {"kind": "turn", "id": "1", "at": 5.2, "text": "Hello.", "isTyped": True},
            {
                "kind": "reply",
                "id": "2",
                "at": 65,
                "name": "Ada",
                "text": "One two three.",
                "spoken": 3,
                "phase": "cut",
            },
            {"kind": "divider", "id": "3", "at": 70, "text": "A new conversation began"},
        ]
        text = await run(here, "transcript", "return m.transcript({entries: given[0]}, new Date(0))", entries)
        assert text.splitlines()[3:] == [
            "[0:05] You (typed): Hello.",
            "[1:05] Ada: One [not heard: two three.]",
            "",
            "[1:10] --- A new conversation began ---",
            "",
        ]


class TestWords:
    @pytest.mark.parametrize("name", ["NotAllowedError", "NotFoundError", "NotReadableError", "InsecureContext", "Odd"])
    async def test_every_microphone_trouble_says_what_to_do_and_offers_typing(self, here: Page, name: str) -> None:
        trouble = await run(here, "words", "return m.microphoneTrouble(given[0])", name)
        assert trouble["offersTyping"]
        assert trouble["text"].endswith(".")

    async def test_the_part_that_is_down_is_named(self, here: Page) -> None:
        report = {"stt_up": False, "tts_up": True, "llm_up": False, "voice_cloning_up": False, "ok": False}
        trouble = await run(here, "words", "return m.partsDown(m.downParts(given[0]))", report)
        assert trouble["title"] == "The part that understands speech and the language model are down"

    @pytest.mark.parametrize(
        ("reason", "passing"), [("AT_CAPACITY", True), ("DRAINING", True), ("IDLE", False), ("VOICE_NOT_FOUND", False)]
    )
    async def test_what_trying_again_may_mend(self, here: Page, reason: str, *, passing: bool) -> None:
        assert (await run(here, "words", "return m.serverTrouble({reason: given[0]})", reason))["isPassing"] is passing

    @pytest.mark.parametrize(
        ("report", "told"),
        [
            (
                {"answers_by_rules": True, "model": "parley-responder"},
                "The answers come from built-in rules, not from a language model.",
            ),
            ({"answers_by_rules": False, "model": "gpt-4o-mini"}, "gpt-4o-mini gives the answers."),
            ({"answers_by_rules": False, "model": ""}, ""),
            ({}, ""),
        ],
    )
    async def test_what_answers(self, here: Page, report: dict[str, Any], told: str) -> None:
        assert await run(here, "words", "return m.whatAnswers(given[0])", report) == told

    async def test_a_voice_that_is_only_at_another_pitch_says_so(self, here: Page) -> None:
        about = await run(here, "words", "return [m.aboutOwnVoice(true), m.aboutOwnVoice(false)]")
        assert "eSpeak" in about[0]["card"]
        assert "will not sound like you" in about[0]["voice"]
        assert "eSpeak" not in str(about[1])


def listed(voice: str, kind: str = "smalltalk", language: str | None = None, speaks: str | None = None) -> Any:
    """A voice of `/v1/voices`."""
    source = {"source_type": "file", "path_on_server": voice, "description": None, "description_link": None}
    return {
        "name": voice,
        "good": True,
        "instructions": {"type": kind, "language": language},
        "source": {**source, "language": speaks} if speaks else source,
    }


class TestVoices:
    OFFERED = (
        listed("ada", speaks="en-US"),
        listed("quentin", "quiz_show"),
        listed("sylvia", "guess_animal"),
        listed("colette", "smalltalk", "fr", "fr-FR"),
        listed("noémie", "quiz_show", "fr/en"),
        listed("greta", "constant", speaks="de-DE"),
    )

    async def test_each_is_in_its_language(self, here: Page) -> None:
        body = "return m.choices(given[0]).map(({ lang, language }) => [lang, language])"
        assert await run(here, "voices", body, self.OFFERED) == [
            ["en", "English"],
            ["en", "English"],
            ["en", "English"],
            ["fr", "French"],
            ["fr", "French, English"],
            ["de", "German"],
        ]

    @pytest.mark.parametrize(
        ("licence", "called"),
        [
            ("https://creativecommons.org/licenses/by/4.0/", "CC BY 4.0"),
            ("http://creativecommons.org/publicdomain/zero/1.0/", "CC0 1.0"),
            ("https://creativecommons.org/licenses/by-nc/3.0/", "CC BY-NC 3.0"),
            ("https://example.org/own", "licence"),
        ],
    )
    async def test_a_recording_is_credited(self, here: Page, licence: str, called: str) -> None:
        url = "https://freesound.org/people/bram/sounds/7/"
        sound = {"id": 7, "name": "a voice.wav", "username": "bram", "license": licence}
        voice = listed("ada")
        voice["source"] |= {"source_type": "freesound", "url": url, "sound_instance": sound}
        credited = await run(here, "voices", "return m.choices(given[0])[0].credits", [voice])
        assert credited == [
            {"text": "Voice: “a voice.wav” by bram", "href": url},
            {"text": called, "href": licence},
        ]

    async def test_a_credit_is_a_link_to_the_web_or_none(self, here: Page) -> None:
        voices = [listed("ada"), listed("bea"), listed("cleo")]
        voices[0]["source"]["description_link"] = "https://example.org/ada"
        voices[1]["source"]["description_link"] = "javascript:alert(1)"
        voices[2]["source"] |= {"url": "https://freesound.org/s/7", "sound_instance": None}
        credited = await run(here, "voices", "return m.choices(given[0]).map(({ credits }) => credits)", voices)
        assert [[link["text"] for link in each] for each in credited] == [
            ["About this voice"],
            [],
            ["Voice: a recording on Freesound"],
        ]

    async def test_the_languages_to_choose_from_are_those_of_the_voices(self, here: Page) -> None:
        found = await run(here, "voices", "return m.languages(m.choices(given[0]))", self.OFFERED)
        assert [each["name"] for each in found] == ["English", "French", "German"]

    async def test_the_rules_play_few_characters_and_english_only(self, here: Page) -> None:
        body = "return m.playedByRules(m.choices(given[0])).map(({ id }) => id)"
        assert await run(here, "voices", body, self.OFFERED) == ["ada", "quentin"]
        assert await run(here, "voices", body, self.OFFERED[2:3]) == ["sylvia"]

    @pytest.mark.parametrize(
        ("index", "wished", "language"), [(0, "", ""), (3, "", ""), (4, "", ""), (5, "", "de"), (5, "fr", "fr")]
    )
    async def test_a_voice_of_another_language_chooses_it_unless_the_person_does(
        self, here: Page, index: int, wished: str, language: str
    ) -> None:
        body = "return m.sessionOf(m.choices(given[0])[given[1]], { prompt: '', language: given[2] })"
        session = await run(here, "voices", body, self.OFFERED, index, wished)
        assert session["language"] == language

    async def test_own_instructions_take_the_place_of_the_characters(self, here: Page) -> None:
        body = "return m.sessionOf(m.choices(given[0])[3], { prompt: 'Tu es pirate.', language: '' })"
        character = (await run(here, "voices", body, self.OFFERED))["instructions"]["character"]
        assert character == {"kind": "constant", "language": "fr", "text": "Tu es pirate."}


async def test_damage_is_damage(here: Page) -> None:
    """The edge's checks are as strict with this page's pages as with any."""
    stream = bytearray(await run(here, "ogg", TestOgg.PAGES, [[[1, 2, 3]]]))
    stream[-1] ^= 1
    with pytest.raises(InvalidAudio):
        list(OggReader().read(bytes(stream)))
