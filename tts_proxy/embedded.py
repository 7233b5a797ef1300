"""What the plugins of the voices on this machine share."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import ClassVar

from mesh.errors import VoiceNotFound
from mesh.settings import SettingError, Settings
from tts_proxy.engine import SynthesisEngine
from tts_proxy.settings import Capacity, DefaultVoice, Patience, Rate


class EmbeddedSettings(Settings, frozen=True, kw_only=True):
    """Settings of a voice on this machine."""

    env_prefix: ClassVar[str] = "PARLEY_TTS_"
    own_voice: ClassVar[str]
    """The engine's voice where the settings name none."""

    capacity: Capacity = 64
    voice: DefaultVoice = ""
    rate: Rate = 175
    patience_s: Patience = 0.3

    @property
    def default_voice(self) -> str:
        """The voice of a reply that names none."""
        return self.voice or self.own_voice


@asynccontextmanager
async def opened(engine: AbstractAsyncContextManager[SynthesisEngine]) -> AsyncIterator[SynthesisEngine]:
    """Open the engine meanwhile. Raises `SettingError` if it does not know the voice of the settings."""
    async with AsyncExitStack() as stack:
        try:
            found = await stack.enter_async_context(engine)
        except VoiceNotFound as error:
            raise SettingError(f"PARLEY_TTS_VOICE: {error.message}") from None
        yield found
