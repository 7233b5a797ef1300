"""A voice that moshi-server has cloned speaks through the mesh."""

from mesh.rpc.channels import open_channel
from parley.tts.v1 import tts_pb2
from standins.cloning import CloningEngine
from standins.tts.engine import TtsEngine
from tests.engines.callers import opened, patient, speaking
from tests.engines.proxies import proxies_before
from tests.voice_service.harness import client_of, spoken, voice_service, wav
from tts_proxy.engines.espeak.library import Prosody


async def test_it_reaches_the_synthesis_as_its_first_message_byte_for_byte() -> None:
    async with (
        CloningEngine().serving() as cloning,
        TtsEngine().serving() as tts,
        voice_service(cloning_urls=cloning.url) as voices,
        client_of(voices.address) as uploader,
        proxies_before([tts], [tts], kept=voices.address) as proxies,
        open_channel(proxies.tts.address) as channel,
    ):
        voice = await uploader.create(wav(*spoken(Prosody("gmw/en-US+f3"))))
        call, _ = opened(channel, channel, hears=False)
        config = tts_pb2.SynthesizeRequest(config=tts_pb2.SynthesizeConfig(voice=voice.voice_id))
        kinds = await patient(call, [config, *speaking()[1:]])
        assert kinds[0] == "started"
        assert kinds[-1] == "finished"
        session = await tts.session(0)
        assert session.first_message == cloning.voices[-1]
        assert session.voice_name is None
        await tts.slots.until_free()
