import json
from typing import Any

import numpy as np
import pytest
import sphn

from edge.audio.ogg import OggReader
from edge.dialects import ExcessAudio, InvalidEvent
from edge.dialects.converse import ConverseDialect
from mesh.audio import FRAME_BYTES, SAMPLE_RATE
from mesh.errors import AtCapacity, BadAudioFormat, ConfigRequired, InternalError, InvalidRequest, UpstreamDown
from parley.audio.v1.audio_pb2 import AUDIO_ENCODING_LINEAR16, AUDIO_ENCODING_MULAW
from parley.conversation.v1 import conversation_pb2 as pb
from tests.edge.dialects.converse_messages import OPUS, OPUS_CONFIG, audio_message, decoded, opened, response
from tests.edge.sounds import opus_stream, pages_of, tone


class TestOpening:
    async def test_the_client_says_how_the_conversation_is_held(self) -> None:
        dialect, opening = await opened({"session": {"voice": "alto", "silenceTimeout": "7s"}, "typedOnly": True})
        assert isinstance(dialect, ConverseDialect)
        assert opening.config.session.voice == "alto"
        assert opening.config.session.silence_timeout.seconds == 7
        assert opening.config.typed_only
        assert not opening.config.HasField("input_format")

    async def test_names_may_be_spelled_as_in_the_contract(self) -> None:
        _, opening = await opened({"session": {"silence_timeout": "0.5s"}, "typed_only": True})
        assert opening.config.session.silence_timeout.nanos == 500_000_000
        assert opening.config.typed_only

    async def test_the_service_is_asked_for_pcm_in_place_of_opus(self) -> None:
        _, opening = await opened({"inputFormat": OPUS, "outputFormat": {**OPUS, "sampleRateHertz": 24_000}})
        for each in (opening.config.input_format, opening.config.output_format):
            assert each.encoding == AUDIO_ENCODING_LINEAR16
            assert each.sample_rate_hertz == SAMPLE_RATE

    async def test_other_formats_are_the_services_business(self) -> None:
        _, opening = await opened({"inputFormat": {"encoding": "AUDIO_ENCODING_MULAW"}})
        assert opening.config.input_format.encoding == AUDIO_ENCODING_MULAW

    async def test_opus_has_one_rate(self) -> None:
        with pytest.raises(BadAudioFormat, match="at 16000 Hz is not taken here, only at 24000 Hz") as refusal:
            await opened({"outputFormat": {**OPUS, "sampleRateHertz": 16_000}})
        assert refusal.value.field == "config.output_format"

    async def test_it_must_be_config(self) -> None:
        with pytest.raises(ConfigRequired):
            await opened(None, message='{"text": {"text": "Hello"}}')

    @pytest.mark.parametrize("message", ["", "nonsense", b"\x00", '{"config": {"sesion": {}}}', '{"config": 3}'])
    async def test_it_must_be_readable(self, message: str | bytes) -> None:
        with pytest.raises(InvalidRequest):
            await opened(None, message=message)


class TestRequests:
    async def test_are_passed_on_with_their_id(self) -> None:
        dialect, _ = await opened({})
        [request] = dialect.requests('{"requestId": "7", "text": {"text": "Hello"}}', now=0.0)
        assert request == pb.ConverseRequest(request_id="7", text=pb.UserText(text="Hello"))

    async def test_audio_that_is_not_opus_is_passed_on_as_it_is(self) -> None:
        dialect, _ = await opened({})
        [request] = dialect.requests(audio_message(b"\x01\x02\x03"), now=0.0)
        assert request.audio.audio == b"\x01\x02\x03"

    async def test_opus_becomes_whole_frames(self) -> None:
        dialect, _ = await opened(OPUS_CONFIG)
        frames = [
            request.audio.audio
            for page in pages_of(opus_stream(1.0))
            for request in dialect.requests(audio_message(page), now=0.0)
        ]
        assert {len(frame) for frame in frames} == {FRAME_BYTES}
        assert len(frames) == 12

    async def test_typed_turns_go_between(self) -> None:
        dialect, _ = await opened(OPUS_CONFIG)
        [request] = dialect.requests('{"text": {"text": "Hello"}}', now=0.0)
        assert request.text.text == "Hello"

    async def test_what_is_no_opus_is_named_and_the_rest_decodes(self) -> None:
        dialect, _ = await opened(OPUS_CONFIG)
        with pytest.raises(InvalidEvent) as refusal:
            list(dialect.requests(audio_message(b"RIFF" + bytes(60), request_id="9"), now=0.0))
        assert refusal.value.reason == "BAD_AUDIO"
        assert refusal.value.request_id == "9"
        assert list(dialect.requests(audio_message(opus_stream(0.2)), now=1.0))

    async def test_what_is_too_much_is_dropped_with_one_warning(self) -> None:
        dialect, _ = await opened(OPUS_CONFIG)
        head, tags, *audio = pages_of(opus_stream(30.0))
        warnings = []
        for each in [head, tags, *audio]:
            try:
                list(dialect.requests(audio_message(each), now=0.0))
            except ExcessAudio as excess:
                warnings.append(json.loads(dialect.rejection(excess))["warning"]["reason"])
        assert warnings == ["AUDIO_DROPPED"]

    @pytest.mark.parametrize(
        ("message", "told"),
        [
            (b"\x00", "a binary frame"),
            ("nonsense", "not a ConverseRequest as JSON"),
            ('{"text": {"text": 5}}', "expected string"),
            ('{"speak": {}}', 'no field named "speak"'),
            ('{"audio": {}, "text": {}}', "multiple"),
            ("[" * 100_000, "recursion"),
            ('{"text": {"text": "\\ud800"}}', "surrogate"),
        ],
    )
    async def test_what_cannot_be_read_is_told(self, message: str | bytes, told: str) -> None:
        dialect, _ = await opened({})
        with pytest.raises(InvalidEvent, match=told) as refusal:
            list(dialect.requests(message, now=0.0))
        assert "\n" not in refusal.value.message


class TestEvents:
    async def test_are_what_grpcurl_prints(self) -> None:
        dialect, _ = await opened({})
        event = response(
            user_word_recognized={"item_id": "item_1", "text": "Tschüs", "start_offset": {"nanos": 320_000_000}}
        )
        [told] = dialect.events(event)
        assert "Tschüs" in told
        assert json.loads(told) == {
            "userWordRecognized": {"itemId": "item_1", "text": "Tschüs", "startOffset": "0.320s"}
        }

    async def test_started_names_the_formats_of_the_client(self) -> None:
        dialect, _ = await opened(OPUS_CONFIG)
        pcm = {"encoding": AUDIO_ENCODING_LINEAR16, "sample_rate_hertz": SAMPLE_RATE}
        [told] = dialect.events(response(started={"session_id": "s", "input_format": pcm, "output_format": pcm}))
        started = json.loads(told)["started"]
        opus = {"encoding": "AUDIO_ENCODING_OGG_OPUS", "sampleRateHertz": SAMPLE_RATE}
        assert started == {"sessionId": "s", "inputFormat": opus, "outputFormat": opus}

    async def test_somebody_who_only_types_has_no_input_format(self) -> None:
        dialect, _ = await opened({**OPUS_CONFIG, "typedOnly": True})
        [told] = dialect.events(response(started={"session_id": "s"}))
        assert "inputFormat" not in json.loads(told)["started"]

    async def test_audio_is_passed_on_as_it_is_unless_opus_was_asked_for(self) -> None:
        dialect, _ = await opened({"inputFormat": OPUS})
        assert decoded(dialect.events(response(reply_audio={"audio": tone(0.08)}))) == tone(0.08)


class TestOpusReplies:
    async def test_replies_are_one_ogg_stream(self) -> None:
        dialect, _ = await opened(OPUS_CONFIG)
        stream = b""
        for reply_id in ("r1", "r2"):
            stream += decoded(dialect.events(response(reply_audio={"reply_id": reply_id, "audio": tone(0.08)})))
            stream += decoded(dialect.events(response(reply_released={"reply_id": reply_id})))
        pages = list(OggReader().read(stream))
        assert [page.begins_stream for page in pages] == [True, *[False] * (len(pages) - 1)]

    async def test_all_of_a_reply_is_heard(self) -> None:
        """Also its last frame, which is shorter than an Opus packet; it comes before the reply's release."""
        dialect, _ = await opened(OPUS_CONFIG)
        told: list[dict[str, Any]] = []
        for event in (
            response(reply_audio={"reply_id": "r1", "audio": tone(0.08)}),
            response(reply_audio={"reply_id": "r1", "audio": tone(0.03), "start_offset": {"nanos": 80_000_000}}),
            response(reply_released={"reply_id": "r1"}),
        ):
            told += [json.loads(each) for each in dialect.events(event)]
        assert [next(iter(event)) for event in told] == ["replyAudio", "replyAudio", "replyReleased"]
        assert told[1]["replyAudio"]["startOffset"] == "0.110s"
        reader = sphn.OpusStreamReader(SAMPLE_RATE)
        heard = reader.append_bytes(decoded(json.dumps(event) for event in told))
        assert heard.size >= 0.11 * SAMPLE_RATE
        assert np.sqrt(np.mean(heard[round(0.085 * SAMPLE_RATE) : round(0.105 * SAMPLE_RATE)] ** 2)) > 0.05

    async def test_what_was_cut_is_not_heard_in_the_next_reply(self) -> None:
        dialect, _ = await opened(OPUS_CONFIG)
        list(dialect.events(response(reply_audio={"reply_id": "r1", "audio": tone(0.08)})))
        told = [json.loads(each) for each in dialect.events(response(reply_cancelled={"reply_id": "r1"}))]
        assert [next(iter(event)) for event in told] == ["replyAudio", "replyCancelled"]
        assert told[0]["replyAudio"]["replyId"] == "r1"

    async def test_a_reply_without_audio_ends_without_any(self) -> None:
        dialect, _ = await opened(OPUS_CONFIG)
        [told] = dialect.events(response(reply_cancelled={"reply_id": "r1"}))
        assert "replyCancelled" in told


class TestTrouble:
    def test_a_rejection_is_the_services_own(self) -> None:
        told = json.loads(ConverseDialect().rejection(InvalidEvent("it is no JSON", request_id="4")))
        assert told == {"requestId": "4", "requestRejected": {"reason": "BAD_REQUEST", "message": "it is no JSON"}}

    def test_a_fatal_error_says_what_is_missing_and_when_to_come_back(self) -> None:
        error = AtCapacity("every stt is taken", retry_after=1.5, service="stt")
        assert json.loads(ConverseDialect().fatal("Every stt is taken.", error)) == {
            "error": {
                "reason": "AT_CAPACITY",
                "message": "Every stt is taken.",
                "service": "stt",
                "retryAfter": "1.500s",
            }
        }

    @pytest.mark.parametrize("error", [UpstreamDown("gone"), InternalError()])
    def test_it_says_no_more_than_is_known(self, error: UpstreamDown | InternalError) -> None:
        told = json.loads(ConverseDialect().fatal("Lost.", error))
        assert told == {"error": {"reason": error.reason, "message": "Lost."}}

    def test_it_names_the_field_at_fault(self) -> None:
        error = BadAudioFormat("no such format", field="config.input_format")
        assert json.loads(ConverseDialect().fatal("No.", error))["error"]["field"] == "config.input_format"
