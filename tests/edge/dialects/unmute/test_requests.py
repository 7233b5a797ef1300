import json
import re
from typing import Any

import pytest

from edge.dialects import ExcessAudio, InvalidEvent
from edge.dialects.unmute import UnmuteDialect
from edge.dialects.unmute.instructions import DEFAULT_TEXT
from mesh.times import seconds
from parley.conversation.v1.conversation_pb2 import Character, ConverseRequest, ConverseResponse, SessionConfig
from tests.edge.clients import append_event
from tests.edge.dialects.unmute.harness import idle_dialect
from tests.edge.sounds import opus_stream, page, pages_of

STREAM = opus_stream(1.0)
INSTRUCTED = '{"type": "session.update", "session": {"allow_recording": true, "instructions": %s}}'


def requests(dialect: UnmuteDialect, message: str | bytes) -> list[ConverseRequest]:
    return list(dialect.requests(message, now=0.0))


def update(**session: Any) -> SessionConfig:
    message = json.dumps({"type": "session.update", "session": {"allow_recording": False, **session}})
    [request] = requests(idle_dialect(), message)
    assert request.request_id
    return request.update.session


def refused(message: str | bytes) -> InvalidEvent:
    with pytest.raises(InvalidEvent) as refusal:
        requests(idle_dialect(), message)
    return refusal.value


async def nothing_yet() -> str:
    raise AssertionError("Unmute's clients say nothing first")


async def test_the_conversation_is_held_unmutes_way() -> None:
    config = (await idle_dialect().opening(nothing_yet)).config
    session = config.session
    assert session.greeting
    assert session.goodbye
    assert seconds(session.silence_timeout) == 7.0
    assert session.HasField("confirmation_time")
    assert seconds(session.confirmation_time) == 0.0
    assert seconds(session.pacing_lead) == 0.32
    assert not session.HasField("instructions")
    assert not session.HasField("voice")
    assert not session.HasField("recording_consent")
    assert not config.HasField("input_format")


class TestSessionUpdate:
    @pytest.mark.parametrize("consent", [True, False])
    def test_consent_is_always_passed_on(self, consent: bool) -> None:
        assert update(allow_recording=consent) == SessionConfig(recording_consent=consent)

    @pytest.mark.unmute("S2")
    @pytest.mark.parametrize(
        ("said", "meant"),
        [
            *((yes, True) for yes in ("true", "True", "t", "yes", "YES", "y", "on", "1", 1, 1.0)),
            *((no, False) for no in ("false", "f", "no", "N", "off", "0", 0, 0.0)),
        ],
    )
    def test_booleans_are_lax(self, said: Any, meant: bool) -> None:
        assert update(allow_recording=said).recording_consent is meant

    def test_a_voice_is_passed_on(self) -> None:
        assert update(voice="custom:1").voice == "custom:1"

    @pytest.mark.parametrize("nothing", ["", None])
    def test_no_voice_leaves_it(self, nothing: str | None) -> None:
        assert not update(voice=nothing).HasField("voice")

    def test_no_instructions_leave_them(self) -> None:
        assert not update(instructions=None).HasField("instructions")

    @pytest.mark.unmute("S3")
    @pytest.mark.parametrize(
        ("instructions", "character"),
        [
            ({"type": "constant"}, Character(kind="constant", text=DEFAULT_TEXT)),
            ({"type": "constant", "text": "A bear."}, Character(kind="constant", text="A bear.")),
            (
                {"type": "constant", "text": "", "language": "fr"},
                Character(kind="constant", text="", language="fr"),
            ),
            ({"type": "smalltalk", "language": None}, Character(kind="smalltalk")),
            ({"type": "smalltalk", "language": "en/fr"}, Character(kind="smalltalk", language="en/fr")),
            ({"type": "guess_animal", "language": "fr/en"}, Character(kind="guess_animal", language="fr/en")),
            ({"type": "quiz_show", "language": "en"}, Character(kind="quiz_show", language="en")),
            ({"type": "news"}, Character(kind="news")),
            ({"type": "unmute_explanation"}, Character(kind="unmute_explanation")),
            ({"type": "unmute_explanation", "language": "xx"}, Character(kind="unmute_explanation")),
        ],
    )
    def test_instructions_become_a_character(self, instructions: Any, character: Character) -> None:
        assert update(instructions=instructions).instructions.character == character

    @pytest.mark.unmute("S2")
    def test_unknown_fields_are_ignored(self) -> None:
        message = '{"type": "session.update", "x": [1], "session": {"allow_recording": true, "y": {}}}'
        assert requests(idle_dialect(), message)

    @pytest.mark.unmute("S2")
    @pytest.mark.parametrize("event_id", ['"mine"', "null"])
    def test_an_event_may_have_an_id_which_is_never_echoed(self, event_id: str) -> None:
        dialect = idle_dialect()
        message = '{"type": "session.update", "session": {"allow_recording": true}, "event_id": ' + event_id + "}"
        [request] = requests(dialect, message)
        [updated] = dialect.events(ConverseResponse(request_id=request.request_id, session_updated={}))  # type: ignore[arg-type]  # members are messages
        assert "mine" not in updated

    def test_every_update_has_its_own_id(self) -> None:
        dialect = idle_dialect()
        message = '{"type": "session.update", "event_id": "a", "session": {"allow_recording": true}}'
        assert requests(dialect, message)[0].request_id != requests(dialect, message)[0].request_id

    def test_unanswered_updates_are_bounded(self) -> None:
        dialect = idle_dialect()
        message = '{"type": "session.update", "session": {"allow_recording": true}}'
        for _ in range(32):
            requests(dialect, message)
        with pytest.raises(InvalidEvent, match="Too many"):
            requests(dialect, message)


class TestAudio:
    def test_it_leaves_in_whole_frames(self) -> None:
        made = requests(idle_dialect(), append_event(STREAM))
        assert [len(request.audio.audio) for request in made] == [3_840] * 12

    @pytest.mark.unmute("C4")
    def test_pages_are_joined(self) -> None:
        dialect = idle_dialect()
        made = [len(requests(dialect, append_event(page))) for page in pages_of(STREAM)]
        assert made == [0, 0, *[0, 1] * 12, 0][: len(made)]

    @pytest.mark.unmute("C4", "S5")
    def test_two_pages_a_message_and_headers_with_the_first_as_the_load_test_sends(self) -> None:
        dialect = idle_dialect()
        head, tags, *audio = pages_of(STREAM)
        messages = [head + tags + audio[0] + audio[1], *(a + b for a, b in zip(audio[2::2], audio[3::2], strict=False))]
        assert [len(requests(dialect, append_event(message))) for message in messages] == [1] * len(messages)

    @pytest.mark.unmute("C4", "B5")
    def test_pages_of_a_stream_that_went_before_are_dropped(self) -> None:
        dialect = idle_dialect()
        stale = pages_of(opus_stream(0.4))[2:]
        assert [requests(dialect, append_event(each)) for each in stale] == [[]] * len(stale)
        assert len(requests(dialect, append_event(STREAM))) == 12

    @pytest.mark.unmute("C4")
    def test_a_page_may_be_split_between_messages(self) -> None:
        dialect = idle_dialect()
        pieces = [STREAM[at : at + 50] for at in range(0, len(STREAM), 50)]
        assert sum(len(requests(dialect, append_event(piece))) for piece in pieces) == 12

    @pytest.mark.unmute("B4")
    def test_what_came_before_invalid_bytes_is_kept(self) -> None:
        made = idle_dialect().requests(append_event(STREAM + b"garbage"), now=0.0)
        assert len([next(made) for _ in range(12)]) == 12
        with pytest.raises(InvalidEvent, match="no Ogg page"):
            next(made)

    @pytest.mark.parametrize("outage_s", [14, 30])
    def test_what_piles_up_in_an_outage_is_dropped_with_one_warning(self, outage_s: int) -> None:
        """A page goes on recording meanwhile; then its network delivers all of it at once."""
        dialect = idle_dialect()
        head, tags, *audio = pages_of(opus_stream(60.0))
        sent = [(max(number * 0.04, outage_s), each) for number, each in enumerate(audio)]
        taken, warnings = 0, []
        for now, each in [(0.0, head), (0.0, tags), *sent]:
            try:
                for _ in dialect.requests(append_event(each), now):
                    taken += 1
            except ExcessAudio as excess:
                warnings.append(json.loads(dialect.rejection(excess))["error"]["type"])
        assert warnings == ["warning"]
        assert 10 + 60 - outage_s - 1 < taken * 0.08 < 10 + 60 - outage_s + 1

    @pytest.mark.unmute("S3")
    def test_a_recording_of_lengths_is_ignored(self) -> None:
        message = '{"type": "unmute.input_audio_buffer.append_anonymized", "number_of_samples": 1920}'
        assert requests(idle_dialect(), message) == []


@pytest.mark.unmute("S7")
@pytest.mark.parametrize(
    ("message", "kind", "path"),
    [
        ("", "json_invalid", []),
        ("nonsense", "json_invalid", []),
        ('{"type": "session.update"', "json_invalid", []),
        ('{"type": "session.update", "x": ' + "[" * 50_000 + "]" * 50_000 + "}", "json_invalid", []),
        ('{"type": "session.update", "session": {"allow_recording": true, "voice": "\\ud800"}}', "json_invalid", []),
        ('{"type": "\\udfff"}', "json_invalid", []),
        ('{"type": "\udfff"}', "json_invalid", []),
        ("[]", "schema_invalid", []),
        ("{}", "schema_invalid", []),
        ('{"type": "response.create"}', "schema_invalid", ["type"]),
        ('{"type": "input_audio_buffer.commit"}', "schema_invalid", ["type"]),
        ('{"type": "session.update"}', "schema_invalid", []),
        ('{"type": "session.update", "session": {}}', "schema_invalid", ["session"]),
        (
            '{"type": "session.update", "session": {"allow_recording": null}}',
            "schema_invalid",
            ["session", "allow_recording"],
        ),
        (
            INSTRUCTED % "{}",
            "schema_invalid",
            ["session", "instructions"],
        ),
        (
            INSTRUCTED % '{"type": "poem"}',
            "schema_invalid",
            ["session", "instructions", "type"],
        ),
        (
            INSTRUCTED % '{"type": "news", "language": "de"}',
            "schema_invalid",
            ["session", "instructions", "language"],
        ),
        ('{"type": "input_audio_buffer.append"}', "schema_invalid", []),
        ('{"type": "input_audio_buffer.append", "audio": null}', "schema_invalid", ["audio"]),
        ('{"type": "input_audio_buffer.append", "audio": "not base64!"}', "schema_invalid", ["audio"]),
        (append_event(b"12345\x02 raw"), "audio_invalid", ["audio"]),
        (append_event(page(b"\x01vorbis", flags=2)), "audio_invalid", ["audio"]),
        (b'{"type": "session.update", "session": {"allow_recording": true}}', "binary_frame", []),
    ],
)
def test_invalid_messages_are_refused_with_details(message: str | bytes, kind: str, path: list[str]) -> None:
    refusal = refused(message)
    assert refusal.message.startswith("Invalid ")
    [detail] = refusal.details
    assert detail["type"] == kind
    assert detail["loc"] == path
    assert detail["msg"]


def test_an_invalid_message_is_answered() -> None:
    answer = json.loads(idle_dialect().rejection(InvalidEvent("Invalid.", [{"type": "x"}])))
    assert re.fullmatch(r"event_[A-Za-z0-9]{21}", answer.pop("event_id"))
    assert answer == {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "code": None,
            "message": "Invalid.",
            "param": None,
            "details": [{"type": "x"}],
        },
    }
