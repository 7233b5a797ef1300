"""Keeps account of all that a conversation does, and finds it out when it breaks a law."""

from orchestrator.conversation import Phase, State
from orchestrator.conversation import actions as act
from orchestrator.conversation import events as ev
from orchestrator.conversation.actions import Action, SpeechCause
from orchestrator.conversation.policy import FRAME_SAMPLES, SAMPLE_RATE
from orchestrator.conversation.transcript import Message, Role
from tests.orchestrator.conversation.listening import ROUNDING, HeardReply, HeardWord

SAID_FOR_THEM = {"...", "Hello!", "Hello."}
"""What the model is shown of the person that they have neither said nor typed."""


class Ledger:
    """A second account of a conversation, kept from its events and actions alone; AssertionError if it does not add up.

    The laws: one reply is alive at a time, and nothing follows of a dead one; a reply is sent only while the person
    does not have the floor; its audio is sent in order, never before it has arrived or is due; what was opened is
    closed; the model is shown what was said and heard, all of it and nothing else; after the end there is nothing.
    """

    def __init__(self) -> None:
        self.reply: HeardReply | None = None
        self.speculative: HeardReply | None = None
        """The speculative reply: prepared before the person's turn is over."""
        self._answered: list[tuple[Role, str]] = []
        """What that reply answers."""
        self.floor: str | None = None
        """The item of the person's open turn."""
        self.ended = False
        self.flushes: list[int] = []
        self._turn_ends: dict[str, int] = {}
        """Where in `_said` the words of each turn that is over end."""
        self._speaking = False
        self._items: set[str] = set()
        self.replies: set[str] = set()
        self._turn_words: list[str] = []
        self._said: list[tuple[Role, str]] = []
        """Every word that was said, typed or heard, in the order in which turns were over."""
        self.cut: HeardReply | None = None
        """The reply that was cut short, as long as what was heard of it comes last in `_said`, and"""
        self._before_cut = 0
        """how much comes before."""

    def happens(self, event: ev.Event, now: float) -> None:
        """Note what happens to the living reply."""
        reply = self.reply
        if isinstance(event, ev.ReplyPlaybackReported) and self.cut and self.cut.reply_id == event.reply_id:
            self._correct(self.cut, event)
        if self.speculative and isinstance(event, ev.ReplyEvent) and self.speculative.reply_id == event.reply_id:
            reply = self.speculative
        if not isinstance(event, ev.ReplyEvent) or reply is None or reply.reply_id != event.reply_id:
            return
        match event:
            case ev.ReplyTextArrived():
                reply.texts.append(event.text)
            case ev.ReplyTextCompleted():
                reply.text_ended = True
                reply.complete |= not reply.spoken or not reply.written.strip()
            case ev.ReplyAudioArrived():
                reply.arrived += event.samples
            case ev.ReplyWordTimed():
                reply.words.append(HeardWord(event.text, event.start, event.end, event.written or 0))
            case ev.ReplyPlaybackReported():
                reply.report(now, event.played, paused=event.paused)
            case ev.ReplyAudioCompleted():
                reply.complete = True
            case ev.ReplyAudioFailed() if not event.lasting:
                reply.complete |= reply.is_whole

    def _correct(self, cut: HeardReply, report: ev.ReplyPlaybackReported) -> None:
        if report.paused and cut.spoken:
            del self._said[self._before_cut :]
            self._said += [(Role.ASSISTANT, word) for word in cut.played_words(report.played)]

    def does(self, actions: list[Action], now: float, lead: float) -> None:
        """Note what is done."""
        for action in actions:
            assert not self.ended
            match action:
                case act.RequestFlush():
                    assert not self.flushes or action.flush_id > self.flushes[-1]
                    self.flushes.append(action.flush_id)
                case act.EndConversation():
                    assert self.reply is None
                    assert self.floor is None
                    assert self.speculative is None
                    self.ended = True
                case act.PrepareReply(speculative=True):
                    self._begin(action)
                case act.PrepareReply():
                    self._prepare(action)
                case act.ConfirmSpeculativeReply():
                    self._confirm(action)
                case act.DropSpeculativeReply():
                    assert self.speculative
                    assert (action.reply_id, action.words) == (self.speculative.reply_id, len(self.speculative.texts))
                    self.speculative = None
                case act.UserPartialNotice():
                    pass
                case (
                    act.SpeechStartedNotice()
                    | act.UserWordNotice()
                    | act.SpeechStoppedNotice()
                    | act.TurnEndedNotice()
                    | act.TurnDiscardedNotice()
                ):
                    self._person(action)
                case _:
                    self._model(action, now, lead)

    def agrees_with(self, state: State, now: float) -> None:
        """Find out whether the conversation's own account is the same."""
        assert (state.turn.item_id if state.turn else None) == self.floor
        assert (state.reply.reply_id if state.reply else None) == (self.reply.reply_id if self.reply else None)
        assert (state.speculative_reply.reply.reply_id if state.speculative_reply else None) == (
            self.speculative.reply_id if self.speculative else None
        )
        assert self.speculative is None or self.floor is not None
        assert (state.phase is Phase.ENDED) == self.ended
        assert state.deadline is None or state.deadline >= now
        if self.reply and self.floor is None and self.reply.arrived >= FRAME_SAMPLES:
            assert self.reply.released > 0

    # --- the person -----------------------------------------------------------------------------------------------

    def _person(
        self,
        action: act.SpeechStartedNotice
        | act.UserWordNotice
        | act.SpeechStoppedNotice
        | act.TurnEndedNotice
        | act.TurnDiscardedNotice,
    ) -> None:
        match action:
            case act.SpeechStartedNotice():
                assert not self._speaking
                if self.floor is None:
                    self.floor = self._new_item(action.item_id)
                self._speaking = True
            case act.UserWordNotice() if self.floor is None:
                # The recogniser was late: the turn is over, and an answer is being heard.
                at = self._turn_ends[action.item_id]
                self._said.insert(at, (Role.USER, action.text))
                self._turn_ends = {item: end + (end >= at) for item, end in self._turn_ends.items()}
                return
            case act.UserWordNotice():
                self._turn_words.append(action.text)
            case act.SpeechStoppedNotice(cause=SpeechCause.SILENCE):
                assert self.floor is None
                self.floor = self._new_item(action.item_id)
            case act.SpeechStoppedNotice():
                assert self._speaking
                self._speaking = False
            case act.TurnEndedNotice():
                if self.floor is None:
                    assert action.cause is SpeechCause.TYPED
                    self.floor = self._new_item(action.item_id)
                    self._turn_words = action.text.split()
                self._end_turn(action)
            case act.TurnDiscardedNotice():
                assert not self._turn_words or (self.reply and self.reply.held)
        if isinstance(action, act.TurnEndedNotice | act.TurnDiscardedNotice):
            assert action.item_id == self.floor
            self.floor, self._speaking, self._turn_words = None, False, []
        else:
            assert action.item_id == self.floor

    def _end_turn(self, turn: act.TurnEndedNotice) -> None:
        self.cut = None
        if turn.cause is SpeechCause.SILENCE:
            assert (turn.text, self._turn_words) == ("...", [])
        else:
            assert self._turn_words
            assert turn.text.split() == self._turn_words
        self._said += [(Role.USER, word) for word in self._turn_words]
        self._turn_ends[turn.item_id] = len(self._said)

    def _new_item(self, item_id: str) -> str:
        assert item_id not in self._items
        self._items.add(item_id)
        return item_id

    # --- the model ------------------------------------------------------------------------------------------------

    def _prepare(self, order: act.PrepareReply) -> None:
        assert self.reply is None
        assert order.reply_id not in self.replies
        self.cut = None
        self.replies.add(order.reply_id)
        self.reply = HeardReply(order.reply_id, self._new_item(order.item_id), order.spoken)
        self._check_messages(order.messages, self._said)

    def _begin(self, order: act.PrepareReply) -> None:
        assert self.reply is None
        assert self.speculative is None
        assert self.floor is not None
        assert self._turn_words
        assert order.reply_id not in self.replies
        self.replies.add(order.reply_id)
        self.speculative = HeardReply(order.reply_id, "", order.spoken)
        self._answered = [*self._said, *((Role.USER, word) for word in self._turn_words)]
        self._check_messages(order.messages, self._answered)

    def _confirm(self, order: act.ConfirmSpeculativeReply) -> None:
        assert self.reply is None
        assert self.speculative
        assert self.speculative.reply_id == order.speculative_id
        assert order.reply_id not in self.replies
        assert self._answered == self._said
        self.cut = None
        self.replies.add(order.reply_id)
        self.reply, self.speculative = self.speculative, None
        self.reply.reply_id, self.reply.item_id = order.reply_id, self._new_item(order.item_id)

    def _check_messages(self, messages: list[Message], said: list[tuple[Role, str]]) -> None:
        spoken = messages[1:] if messages[0].role is Role.SYSTEM else messages
        assert [message.role for message in spoken] == [(Role.USER, Role.ASSISTANT)[i % 2] for i in range(len(spoken))]
        shown = [(message.role, word) for message in spoken for word in message.text.split()]
        assert [each for each in shown if each[1] not in SAID_FOR_THEM] == said

    def _model(self, action: Action, now: float, lead: float) -> None:
        reply = self.reply
        assert reply is not None
        match action:
            case act.ReplyTextNotice() | act.ReplyTextDoneNotice() | act.AbandonText():
                pass
            case act.ResumeText():
                assert not reply.text_ended
                assert action.messages[-1].role is Role.ASSISTANT
                assert action.messages[-1].text.split()[-len(reply.written.split()) :] == reply.written.split()
            case act.ResumeSynthesis():
                reply.resume(action.at.word, action.at.sample)
            case act.WarnOfLostVoice():
                reply.fail()
            case act.ReleaseAudio():
                assert self.floor is None
                reply.release(action.start, action.samples, now, lead)
            case act.ReplyWordNotice():
                reply.announce(action.text, action.start, action.end, now)
            case act.ReplyHeldNotice():
                assert not reply.held
                reply.held = True
                assert abs(action.heard - reply.heard(now)) < ROUNDING
            case act.ReplyResumedNotice():
                assert reply.held
                assert self.floor is None
                reply.held = False
            case act.ReplyReleasedNotice():
                assert not reply.done
                assert reply.complete
                assert reply.released == reply.arrived
                assert reply.announced >= len(reply.words)
                assert action.text.split() == reply.all_words()
                reply.done = True
            case act.ReplyFinishedNotice():
                assert reply.done
                assert not reply.held
                assert action.text.split() == reply.all_words()
                assert reply.heard(now) >= reply.released / SAMPLE_RATE - ROUNDING
                self._bury(reply.all_words())
            case act.CancelReply():
                words = action.heard_text.split()
                assert abs(action.heard - reply.heard(now)) < ROUNDING
                assert words in (reply.heard_words(now, -ROUNDING), reply.heard_words(now, ROUNDING))
                self.cut, self._before_cut = reply, len(self._said)
                self._bury(words)
            case _:
                raise AssertionError(f"{action} is in no account")
        assert action.reply_id == reply.reply_id

    def _bury(self, remembered: list[str]) -> None:
        self._said += [(Role.ASSISTANT, word) for word in remembered]
        self.reply = None
