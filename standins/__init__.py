"""Stand-ins for the production engines, over the real wire.

They stand in for moshi-server's recogniser, synthesis and cloning, and for an OpenAI-compatible language model. They
are cheap, exact about their slots, and go wrong in every way on request.

    async with SttEngine(SttOptions(slots=2, script=("what time is it",))).serving() as stt:
        stt.url                                     # "ws://127.0.0.1:PORT"; serving(host, port) chooses
        stt.slots.used, .peak, .granted, .refused   # exact at any moment
        session = await stt.session(0)              # what came in the first session that got a slot
        stt.change(slots=1, step_s=0.1)             # options, from the next connection on
        stt.break_down("full")                      # faults (standins.faults), from the next connection on
        stt.break_down(Stall(after=20), "close:how=reset,probability=0.1")
        stt.recover()
        await stt.slots.until_free()

`TtsEngine` (sessions know `voice_name`, `voice_message`, `first_message`, `texts`, `ended`, `frames`), `CloningEngine`
and `LlmEngine` (which keep `requests`) work alike; each has its options beside it. One engine is one replica: for
three, serve three on 127.0.0.2 to 127.0.0.4 and one port. `parley fake-engines` runs one of each.

Every engine also answers `GET /standin` (its counts, options and faults) and `PATCH /standin` with
`{"options": {"slots": 1}, "faults": ["full"]}`.
"""
