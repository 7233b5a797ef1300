"""The rules of turn taking.

One person and one model share the floor. The person's side is an open `Turn` or none, the model's side a living `Reply`
or none. The floor is free while no turn is open; only then is a reply released. A turn opens at detected speech or at a
word; a pause asks the recogniser for the rest (*endpointing*); with its words complete the turn ends and a reply is
prepared. Detected speech over a reply opens a turn too, and holds the reply: a word cancels it; a turn without words is
discarded, and the reply resumes.

    phase        turn            reply
    waiting      none            none
    listening    open            none
    endpointing  open, flushing  none
    thinking     none, or over   preparing, ready
    speaking     none, or over   speaking, held
    ended

`state.TRANSITIONS` has every way from one to another, and docs/turn-taking.md draws it.
"""

from typing import assert_never

from orchestrator.conversation import actions as act
from orchestrator.conversation import events as ev
from orchestrator.conversation.actions import Action, CancelCause, EndCause, SpeechCause
from orchestrator.conversation.policy import SILENCE_MARK
from orchestrator.conversation.reply import CutReply, Life, Reply
from orchestrator.conversation.state import EndedTurn, Ending, OverdueTurn, Phase, SpeculativeReply, State, Turn
from orchestrator.conversation.transcript import (
    Item,
    Message,
    ReplySoFar,
    Role,
    Transcript,
    begins_with,
    is_same,
    unheard,
)
from orchestrator.conversation.wording import Completeness, completeness, is_backchannel

_CAUGHT_UP_S = 0.3
"""A recogniser that is this far behind the microphone has caught up."""


class Conversation:
    """One conversation. See the package for how it is driven."""

    def __init__(self, state: State | None = None) -> None:
        self.state = state or State()
        self._actions: list[Action] = []

    # --- driving --------------------------------------------------------------------------------------------------

    def handle(self, event: ev.Event, now: float) -> list[Action]:
        """Take in an event and return what to do, in order."""
        if not self.state.ended:
            if isinstance(event, ev.ReplyEvent):
                self._reply_event(event, now)
            else:
                self._user_event(event, now)
        return self.handle_timeout(now)

    def handle_timeout(self, now: float) -> list[Action]:
        """Do what has become due by `now` and return it, in order."""
        if not self.state.ended:
            self._advance_turn(now)
            self._advance_reply(now)
            self._advance_idle(now)
        made, self._actions = self._actions, []
        return made

    @property
    def deadline(self) -> float | None:
        """When `handle_timeout` has something to do, if nothing happens before; None for never."""
        return self.state.deadline

    @property
    def phase(self) -> Phase:
        """Where the conversation stands."""
        return self.state.phase

    def _do(self, action: Action) -> None:
        self._actions.append(action)

    # --- what the person does -------------------------------------------------------------------------------------

    def _user_event(self, event: ev.UserEvent, now: float) -> None:
        match event:
            case ev.MicrophoneAudioArrived():
                self.state.microphone_samples += event.samples
                self.state.microphone_at = now
            case ev.PauseScored():
                self._pause_scored(event, now)
            case ev.WordRecognized():
                self._word_recognized(event, now)
            case ev.PartialRecognized():
                self._partial_recognized(event.text)
            case ev.Flushed():
                self._flushed(event.flush_id, now)
            case ev.UserTyped():
                self._typed(event, now)
            case ev.SessionConfigured():
                self._configured(event)
            case ev.HistoryGiven():
                self._history_given(event)
            case ev.TurnCommitted():
                self._turn_committed(now)
            case ev.CancellationRequested():
                self._cancellation_requested(event.reply_id, now)
            case ev.SayRequested():
                self._say_requested(event.text, now)
            case ev.FinishRequested():
                self._finish_requested(now)
            case ev.RecognizerChanged():
                self._recognizer_changed(event.flush_limit, now)
            case ev.RecognizerLost():
                self.state.unheard_until = now + self.state.policy.unheard_limit
            case ev.ConversationResumed():
                self._resumed(event, now)
            case _:
                assert_never(event)

    def _configured(self, event: ev.SessionConfigured) -> None:
        state = self.state
        state.policy = state.policy if event.policy is None else event.policy
        state.instructions = state.instructions if event.instructions is None else event.instructions
        state.voice = state.voice if event.voice is None else event.voice

    def _recognizer_changed(self, flush_limit: float | None, now: float) -> None:
        """The new recogniser starts with the replayed audio, so every wait for words starts again."""
        state, turn = self.state, self.state.turn
        state.flush_limit = flush_limit
        if state.unheard_until is None:
            return
        state.unheard_until = None
        if state.waiting_since is not None:
            state.waiting_since = max(state.waiting_since, now)
        if turn and turn.flush and not turn.flush.answered:
            turn.flush.deadline = max(turn.flush.deadline, now + state.flush_limit_or_default)
        if turn and turn.wordless_until is not None:
            limit = state.policy.confirmation_time if state.reply else state.policy.wordless_limit
            turn.wordless_until = max(turn.wordless_until, now + limit)
        if turn and turn.hold_limit is not None:
            turn.hold_limit = max(turn.hold_limit, now + state.policy.unconfirmed_limit)

    def _resumed(self, event: ev.ConversationResumed, now: float) -> None:
        """Go on with another recogniser, which hears the microphone again from `event.position` on."""
        state, turn = self.state, self.state.turn
        committed = bool(turn and turn.flush and turn.flush.committed)
        state.microphone_samples, state.microphone_at = event.position, now
        state.overdue = state.speculative_reply = None
        if event.words and turn is None:  # It was opened after the state was written down, and its client knows of it.
            turn = state.turn = Turn(state.new_item(), now)
        if turn:
            turn.flush = None
            turn.words += event.words
            turn.wordless_until = None if turn.words else turn.wordless_until
        self._restore_turns()
        if event.position:  # there is a microphone
            state.catches_up_until = now + state.policy.catch_up_limit
        state.unheard_until = now
        self._recognizer_changed(state.flush_limit, now)
        if state.reply:
            self._resume_reply(state.reply, event.reply, now)
        if committed:
            self._turn_committed(now)
        if state.final_flush:
            self._finish_requested(now)

    def _restore_turns(self) -> None:
        """Tell of the turn that ended last and of the open one: the client may have missed the last of either."""
        ended, turn = self.state.ended_turn, self.state.turn
        for item in self.state.transcript.items:
            if ended and item.item_id == ended.item_id:
                self._do(act.TurnRestoredNotice(item.item_id, item.text, ended.cause))
        if turn:
            self._do(act.TurnRestoredNotice(turn.item_id, turn.text, None))

    def _resume_reply(self, reply: Reply, so_far: ReplySoFar | None, now: float) -> None:
        """Keep what was heard of the reply, and say the rest as another one, unless the person has taken the floor."""
        seen = so_far if so_far and so_far.reply_id == reply.reply_id else None
        text = seen.text if seen and not reply.written else reply.text
        heard = seen.heard_text if seen else reply.heard_text(now)
        if not reply.spoken:
            heard = text.strip() if reply.written else ""
        rest = unheard(text, heard)
        self.state.reply, self.state.cut = None, CutReply(reply, heard)
        is_over = bool(seen and seen.over)
        if heard and reply.written and not rest and not is_over:
            self._do(act.ReplyFinishedNotice(reply.reply_id, heard))
            is_over = True
        if is_over:
            self._remember_cut()
            self._reply_heard_out(heard, now)
            return
        self._do(act.CancelReply(reply.reply_id, CancelCause.RESUMED, heard, reply.playout.heard(now)))
        turn = self.state.turn
        if turn and turn.words and not self._is_no_interruption(turn.words):
            return
        if rest and reply.written:
            self._prepare_reply(script=rest)
        elif not heard:
            self._prepare_reply()
        else:
            self._prepare_reply(beginning=rest)

    def _pause_scored(self, event: ev.PauseScored, now: float) -> None:
        state = self.state
        state.detector.score(event.probability, state.policy)
        if event.offset >= state.position - _CAUGHT_UP_S:
            state.catches_up_until = None
        if event.probability < state.policy.speech_threshold:
            self._speech_detected(event.offset, now)
        elif state.policy.manual_turns:
            pass
        elif event.probability > state.policy.pause_threshold and state.turn and not state.turn.flush:
            self._request_flush(state.turn, event.offset, now)

    def _speech_detected(self, offset: float, now: float) -> None:
        state = self.state
        if state.turn and state.turn.flush and state.turn.flush.committed:
            return
        if state.turn and state.turn.flush:  # The pause was only a breath: this flush ends nothing.
            state.turn.flush = None
            self._drop_speculative_reply()
            self._do(act.SpeechStartedNotice(state.turn.item_id, offset, SpeechCause.DETECTED))
        elif state.turn is None and state.detector.armed and not state.finishing:
            window = state.policy.uninterruptible_window
            if state.reply is None or not state.reply.uninterruptible(now, window):
                self._open_turn(SpeechCause.DETECTED, offset, now)

    def _word_recognized(self, event: ev.WordRecognized, now: float) -> None:
        if self._take_overdue_word(event, now):
            return
        words = [*(self.state.turn.words if self.state.turn else ()), event.text]
        if self._lets_the_reply_go_on(words):
            turn = self.state.turn or self._open_turn(SpeechCause.WORD, event.start, now)
        else:
            self._cancel_reply(CancelCause.WORD_RECOGNIZED, now)
            turn = self.state.turn or self._open_turn(SpeechCause.WORD, event.start, now)
            turn.wordless_until = None
        self._add_word(turn, event)
        turn.partial = _after(event.text, turn.partial)
        if self.state.speculative_reply and not begins_with(self.state.speculative_reply.text, turn.text):
            self._drop_speculative_reply()
        if turn.flush and turn.flush.answered:
            turn.flush.deadline = turn.flush.asked_at + self._end_of_turn_delay(turn)

    def _add_word(self, turn: Turn, event: ev.WordRecognized) -> None:
        turn.words.append(event.text)
        self._do(act.UserWordNotice(turn.item_id, event.text, event.start, event.end))

    def _lets_the_reply_go_on(self, words: list[str]) -> bool:
        """Tell whether a reply that is being heard survives these words."""
        reply = self.state.reply
        return reply is not None and reply.is_heard and self._is_no_interruption(words)

    def _is_no_interruption(self, words: list[str]) -> bool:
        """Tell whether a reply survives these words if it is being heard."""
        policy = self.state.policy
        if policy.confirmation_time == 0:
            return False
        return len(words) < policy.interruption_words or (policy.ignore_backchannels and is_backchannel(words))

    def _partial_recognized(self, text: str) -> None:
        turn = self.state.turn
        if turn:
            turn.partial = text
        if turn and self.state.reply and turn.hold_limit is not None and any(map(str.isalpha, text)):
            turn.hold_limit = turn.opened_at + self.state.policy.wordless_limit
        self._do(act.UserPartialNotice(text))

    def _flushed(self, flush_id: int, now: float) -> None:
        state = self.state
        if state.turn and state.turn.flush and state.turn.flush.flush_id == flush_id:
            flush = state.turn.flush
            flush.answered = True
            flush.deadline = max(now, flush.asked_at + self._end_of_turn_delay(state.turn))
            state.turn.partial = ""
            if flush.deadline > now:
                self._speculate(state.turn)
        elif state.final_flush and state.final_flush.flush_id == flush_id:
            self._final_words_in(now)
        if state.overdue and state.overdue.flush.flush_id <= flush_id:
            state.overdue = None

    def _end_of_turn_delay(self, turn: Turn) -> float:
        """Return how long after the pause the turn ends, if the person does not go on."""
        policy = self.state.policy
        if (turn.flush and turn.flush.committed) or not turn.words or self._lets_the_reply_go_on(turn.words):
            return 0.0
        longer = {
            Completeness.COMPLETE: 0.0,
            Completeness.UNFINISHED: policy.unfinished_delay,
            Completeness.DICTATED: policy.dictation_delay,
        }
        return max(policy.end_of_turn_delay, longer[completeness(turn.text, policy.language)])

    def _take_overdue_word(self, event: ev.WordRecognized, now: float) -> bool:
        """Put a word where it belongs that was spoken before a turn ended without it. False: there is no such turn.

        While nothing of the answer is heard, it opens a turn that ends when the flush is answered; both turns get one
        answer. Afterwards the word is only remembered.
        """
        state, overdue = self.state, self.state.overdue
        if overdue is None or state.turn or event.end > overdue.flush.position:
            return False
        if state.reply and state.reply.is_heard:
            if not overdue.turn.words:
                return False
            self._add_word(overdue.turn, event)
            state.transcript.amend(overdue.turn.item_id, overdue.turn.text)
            return True
        self._cancel_reply(CancelCause.WORD_RECOGNIZED, now)
        turn = self._open_turn(SpeechCause.WORD, event.start, now)
        turn.wordless_until = None
        self._add_word(turn, event)
        turn.flush = overdue.flush
        turn.flush.deadline = now + state.flush_limit_or_default
        self._do(act.SpeechStoppedNotice(turn.item_id, overdue.flush.position, SpeechCause.DETECTED))
        return True

    def _final_words_in(self, now: float) -> None:
        self.state.final_flush = None
        turn = self.state.turn
        if turn and not turn.flush:
            self._do(act.SpeechStoppedNotice(turn.item_id, self.state.position, SpeechCause.DETECTED))
        if turn:
            self._end_turn(turn, now)

    def _typed(self, event: ev.UserTyped, now: float) -> None:
        self._cancel_reply(CancelCause.TYPED, now)
        self.state.silences = 0
        if self.state.turn:
            self._close_turn(self.state.turn, SpeechCause.TYPED)
        self._answer(event.item_id or self.state.new_item(), event.text, SpeechCause.TYPED)

    def _history_given(self, event: ev.HistoryGiven) -> None:
        for item in event.items:
            self.state.transcript.add(item.item_id or self.state.new_item(), item.role, item.text)

    def _turn_committed(self, now: float) -> None:
        """Ask for the last words at once. Without a turn there may be words that the recogniser has yet to report."""
        state = self.state
        turn = state.turn
        if turn is None:
            if not state.microphone_samples:
                return
            turn = self._open_turn(SpeechCause.DETECTED, state.position, now)
        if turn.flush is None:
            self._request_flush(turn, state.position, now)
        if turn.flush:
            turn.flush.committed = True
            if turn.flush.answered:
                turn.flush.deadline = now

    def _cancellation_requested(self, reply_id: str | None, now: float) -> None:
        reply = self.state.reply
        if reply and reply_id in (None, reply.reply_id):
            self._cancel_reply(CancelCause.REQUESTED, now)
            self._wait(now)

    def _say_requested(self, text: str, now: float) -> None:
        self._cancel_reply(CancelCause.REQUESTED, now)
        if self.state.turn:
            self.state.turn.answer_owed = False
        self._prepare_reply(script=text)

    def _finish_requested(self, now: float) -> None:
        state = self.state
        state.finishing = True
        if state.microphone_samples:
            state.final_flush = state.new_flush(now)
            self._do(act.RequestFlush(state.final_flush.flush_id))

    # --- the person's turn ----------------------------------------------------------------------------------------

    def _open_turn(self, cause: SpeechCause, offset: float, now: float) -> Turn:
        """Give the person the floor. A reply they speak over is cancelled, or held until a word confirms them."""
        state, policy = self.state, self.state.policy
        answer_owed = False
        if state.reply and policy.confirmation_time == 0:
            answer_owed = not state.reply.heard_text(now)
            self._cancel_reply(CancelCause.SPEECH_DETECTED, now)
        limit = policy.confirmation_time if state.reply else policy.wordless_limit
        state.turn = Turn(state.new_item(), now, wordless_until=now + limit, answer_owed=answer_owed)
        if state.reply:
            state.reply.hold(now, self._do)
            state.turn.hold_limit = now + max(limit, policy.unconfirmed_limit)
        state.overdue = None
        self._do(act.SpeechStartedNotice(state.turn.item_id, offset, cause))
        return state.turn

    def _request_flush(self, turn: Turn, offset: float, now: float) -> None:
        """The person paused: ask for their last words."""
        turn.flush = self.state.new_flush(now, backlog=max(0.0, self.state.position - offset))
        self._do(act.SpeechStoppedNotice(turn.item_id, offset, SpeechCause.DETECTED))
        self._do(act.RequestFlush(turn.flush.flush_id))
        self._speculate(turn)

    def _end_turn(self, turn: Turn, now: float) -> None:
        """Answer a turn. Discard it if it has no words, or only words that do not interrupt the reply."""
        if turn.words and not self._lets_the_reply_go_on(turn.words):
            self._close_turn(turn, SpeechCause.DETECTED)
            self._prepare_reply()
        else:
            self._discard_turn(turn, now)

    def _discard_turn(self, turn: Turn, now: float) -> None:
        """Resume the reply that the turn held, or prepare again the answer that it cancelled before it was heard."""
        turn.words.clear()
        self._drop_speculative_reply()
        self._close_turn(turn, SpeechCause.DETECTED)
        if self.state.reply:
            self.state.reply.resume(self._do)
        elif turn.answer_owed:
            self._prepare_reply()
        else:
            self._wait(now)

    def _close_turn(self, turn: Turn, cause: SpeechCause) -> None:
        self.state.turn = None
        if turn.words:
            self.state.silences = 0
            self._remember_cut()
            self._turn_ended(turn.item_id, turn.text, cause)
        else:
            self.state.detector.armed = not self.state.detector.speaking
            self._do(act.TurnDiscardedNotice(turn.item_id))

    def _answer(self, item_id: str, text: str, cause: SpeechCause) -> None:
        """Take a whole turn that was not spoken, and reply to it."""
        self._remember_cut()
        self._turn_ended(item_id, text, cause)
        self._prepare_reply()

    def _turn_ended(self, item_id: str, text: str, cause: SpeechCause) -> None:
        self.state.transcript.add(item_id, Role.USER, text)
        if cause is not SpeechCause.SILENCE:
            self.state.ended_turn = EndedTurn(item_id, cause)
        self._do(act.TurnEndedNotice(item_id, text, cause))

    # --- the model's reply ----------------------------------------------------------------------------------------

    def _prepare_reply(self, *, script: str | None = None, beginning: str | None = None) -> None:
        """Decide to reply. With a `script` the reply is that text; a `beginning` the model is asked to go on with."""
        state = self.state
        self._remember_cut()
        messages = state.transcript.messages(state.instructions, beginning=beginning or "")
        speculative = state.speculative_reply
        if (
            speculative
            and script is None
            and beginning is None
            and speculative.voice == state.voice
            and is_same(speculative.messages, messages)
        ):
            self._confirm(speculative)
            return
        self._drop_speculative_reply()
        state.reply = self._new_reply()
        self._do(self._order(state.reply, messages, script=script, beginning=beginning))

    def _new_reply(self) -> Reply:
        """Count a reply, and return it."""
        reply = self._reply_to_come()
        self.state.replies += 1
        self.state.ending = None
        reply.reply_id, reply.item_id = f"reply_{self.state.replies}", self.state.new_item()
        return reply

    def _reply_to_come(self) -> Reply:
        """Return the next reply, without its ids."""
        state, policy = self.state, self.state.policy
        first = state.replies == 0
        greeting = first and not state.transcript.items
        temperature = policy.first_temperature if first else policy.temperature
        return Reply("", "", policy.spoken, first, greeting, temperature=temperature)

    def _order(
        self,
        reply: Reply,
        messages: list[Message],
        *,
        script: str | None = None,
        beginning: str | None = None,
        speculative: bool = False,
    ) -> act.PrepareReply:
        return act.PrepareReply(
            reply_id=reply.reply_id,
            item_id=reply.item_id,
            voice=self.state.voice,
            spoken=reply.spoken,
            messages=messages,
            temperature=reply.temperature,
            script=script,
            beginning=beginning,
            speculative=speculative,
        )

    def _speculate(self, turn: Turn) -> None:
        """Prepare a speculative reply to the words so far, unless it seems that the person will go on."""
        state, policy = self.state, self.state.policy
        text = turn.likely_text
        if not policy.speculative or not text or state.reply or state.speculative_reply:
            return
        if turn.speculative_replies >= policy.speculative_replies_a_turn:
            return
        committed = turn.flush is not None and turn.flush.committed
        if not committed and completeness(text, policy.language) is not Completeness.COMPLETE:
            return
        turn.speculative_replies += 1
        state.speculative_replies += 1
        reply = self._reply_to_come()
        reply.reply_id = f"speculative_{state.speculative_replies}"
        cut = [Item("", Role.ASSISTANT, state.cut.heard_text)] if state.cut else []
        said = Transcript([*state.transcript.items, *cut, Item("", Role.USER, text)])
        state.speculative_reply = SpeculativeReply(reply, state.voice, text, said.messages(state.instructions))
        self._do(self._order(reply, state.speculative_reply.messages, speculative=True))

    def _confirm(self, speculative: SpeculativeReply) -> None:
        """Make a speculative reply the living one: the person has said what it answers."""
        state, reply = self.state, speculative.reply
        speculative_id, counted = reply.reply_id, self._new_reply()
        reply.reply_id, reply.item_id = counted.reply_id, counted.item_id
        state.speculative_reply, state.reply = None, reply
        self._do(act.ConfirmSpeculativeReply(speculative_id, reply.reply_id, reply.item_id, speculative.voice))
        reply.catch_up(self._do)

    def _drop_speculative_reply(self) -> None:
        speculative, self.state.speculative_reply = self.state.speculative_reply, None
        if speculative:
            self._do(act.DropSpeculativeReply(speculative.reply.reply_id, len(speculative.reply.texts)))

    def _speculative_reply_event(self, speculative: SpeculativeReply, event: ev.ReplyEvent, now: float) -> None:
        """Take in an event about a speculative reply. One that fails is dropped."""
        if isinstance(event, ev.ReplyTextFailed | ev.ReplyAudioFailed):
            self._drop_speculative_reply()
        else:
            speculative.reply.handle(event, now, _say_nothing)

    def _messages(self, reply: Reply) -> list[Message]:
        """Return what the model is shown: the transcript, and what it has written of this reply."""
        return self.state.transcript.messages(self.state.instructions, beginning=reply.text)

    def _reply_event(self, event: ev.ReplyEvent, now: float) -> None:
        reply, speculative = self.state.reply, self.state.speculative_reply
        if speculative and speculative.reply.reply_id == event.reply_id:
            self._speculative_reply_event(speculative, event, now)
            return
        if reply is None or reply.reply_id != event.reply_id:  # It is no longer alive.
            if isinstance(event, ev.ReplyPlaybackReported) and event.paused:
                self._cut_was_played(event)
            return
        match event:
            case ev.ReplyTextFailed():
                self._text_failed(reply, now, lasting=event.lasting)
            case ev.ReplyAudioFailed():
                reply.lose_synthesis(now, self.state.policy, self._do, lasting=event.lasting)
                if reply.voice_lost and not reply.playout.arrived:
                    self._cancel_reply(CancelCause.FAILED, now)
                    self._wait(now)
            case _:
                reply.handle(event, now, self._do)

    def _text_failed(self, reply: Reply, now: float, *, lasting: bool) -> None:
        """Have the model write the rest, or end what there is. A reply without a word becomes an apology."""
        reply.text_failures += 1
        if not reply.text.strip():  # Silence would be worse than an apology.
            self._cancel_reply(CancelCause.FAILED, now)
            self._prepare_reply(script=self.state.policy.apology)
        elif lasting or reply.text_failures > self.state.policy.text_tries:
            self._do(act.AbandonText(reply.reply_id))
        else:
            self._do(act.ResumeText(reply.reply_id, self._messages(reply), reply.temperature))

    def _cancel_reply(self, cause: CancelCause, now: float) -> None:
        """End the living reply, if there is one; only what can have been heard of it is remembered."""
        reply = self.state.reply
        if reply is None:
            return
        self.state.reply, self.state.cut = None, CutReply(reply, reply.heard_text(now))
        reply.cancel(cause, now, self._do)

    def _cut_was_played(self, report: ev.ReplyPlaybackReported) -> None:
        """Apply a client's report of how much of an interrupted reply it has played."""
        cut = self.state.cut
        if cut and cut.reply.reply_id == report.reply_id:
            cut.correct(report.played)

    def _remember_cut(self) -> None:
        """Put what was heard of the reply that was cut short where it belongs: before what is said next."""
        cut, self.state.cut = self.state.cut, None
        if cut:
            self.state.transcript.add(cut.reply.item_id, Role.ASSISTANT, cut.heard_text)

    # --- what time does -------------------------------------------------------------------------------------------

    def _advance_turn(self, now: float) -> None:
        state, turn = self.state, self.state.turn
        if state.final_flush and now >= state.final_flush.deadline:
            self._final_words_in(now)
        elif turn and turn.flush and now >= state.flush_ends_at(turn, turn.flush):
            overdue = None if turn.flush.answered else OverdueTurn(turn, turn.flush)
            self._end_turn(turn, now)
            state.overdue = overdue
        elif turn and not turn.flush and self._is_given_up(turn, now):
            self._discard_turn(turn, now)
        elif turn and not turn.flush and now >= state.muted_at:
            self._request_flush(turn, state.position, now)

    def _is_given_up(self, turn: Turn, now: float) -> bool:
        """Tell whether a turn has been without a word for too long. A hold lasts longer while speech is detected."""
        until = self.state.wordless_until
        if until is None or now < until:
            return False
        if self.state.reply and self.state.detector.speaking and turn.hold_limit is not None and now < turn.hold_limit:
            turn.wordless_until = turn.hold_limit
            return False
        return True

    def _advance_reply(self, now: float) -> None:
        state, reply = self.state, self.state.reply
        if reply is None:
            return
        if state.catches_up_until is not None and now >= state.catches_up_until:
            state.catches_up_until = None
        floor_is_free = state.turn is None and state.catches_up_until is None
        reply.advance(now, state.policy.pacing_lead, self._do, floor_is_free=floor_is_free)
        if reply.has_broken_off(now):
            self._cancel_reply(CancelCause.FAILED, now)
            self._wait(now)
        elif reply.life is Life.FINISHED:
            state.reply = state.overdue = None
            state.transcript.add(reply.item_id, Role.ASSISTANT, reply.full_text)
            released_at = now if reply.released_at is None else reply.released_at
            self._reply_heard_out(reply.full_text, now, released_at)

    def _reply_heard_out(self, text: str, now: float, released_at: float = 0.0) -> None:
        """Wait for the person; after a goodbye, for the end."""
        policy = self.state.policy
        self._wait(max(now, released_at + policy.settle_time))
        if policy.goodbye and text.lower().rstrip().endswith(policy.goodbye_ending):
            self.state.ending = Ending(EndCause.GOODBYE, now + policy.settle_time)

    def _advance_idle(self, now: float) -> None:
        """Greet, break a silence, or end: what is done while neither side has the floor."""
        state = self.state
        if not state.idle:
            return
        if state.finishing or (state.ending and now >= state.ending.at):
            state.ended = True
            self._do(act.EndConversation(state.ending.cause if state.ending else EndCause.FINISHED))
        elif state.greets:
            self._prepare_reply()
        elif state.silent_at is not None and now >= state.silent_at:
            if 0 < state.policy.silence_prompts <= state.silences:
                state.ended = True
                self._do(act.EndConversation(EndCause.SILENCE))
                return
            state.silences += 1
            item_id = state.new_item()
            self._do(act.SpeechStoppedNotice(item_id, state.position, SpeechCause.SILENCE))
            self._answer(item_id, SILENCE_MARK, SpeechCause.SILENCE)

    def _wait(self, since: float) -> None:
        """Start the silence clock, once there has been a reply to be silent after."""
        if self.state.replies:
            self.state.waiting_since = since


def _say_nothing(_action: Action) -> None:
    pass


def _after(word: str, partial: str) -> str:
    """Return what is left of a partial when its first word has become certain."""
    first, _, rest = partial.strip().partition(" ")
    return rest if begins_with(first, word) else ""
