"""What the engine can be told."""

from typing import Annotated, ClassVar

from mesh.settings import Settings, setting


class WhisperSettings(Settings, frozen=True, kw_only=True):
    """Settings of the recogniser."""

    env_prefix: ClassVar[str] = "PARLEY_STT_"

    model: Annotated[
        str,
        setting(help="Whisper's model: base, tiny.en, or a folder with one that was converted for CTranslate2."),
    ] = "base"
    workers: Annotated[
        int,
        setting(
            help="How many streams are recognised at once; 0: as many as this machine keeps up with.", ge=0, le=1_000
        ),
    ] = 0
    language: Annotated[
        str,
        setting(help="The language that is assumed, as a BCP 47 tag, where none is named and none can be told."),
    ] = "en"
