"""A language model between what was prepared and a person: optional, on a budget, and never with the last word.

It is asked outside of every transaction. Too slow, too dear, in doubt, or caught at something it must not say: a person
answers, as they would without it.
"""

import asyncio
from dataclasses import replace

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.acquaintance import find, find_to_answer
from conversations.bursts import answer_burst
from conversations.consulting import consult, may_be_asked
from conversations.handover import HELD
from conversations.heard import Heard
from conversations.knowledge import Knowledge
from conversations.language_model import LanguageModel, LanguageModelConfig, ModelFailed
from conversations.products import Products
from conversations.questions import MOST_TRIES, Taken, anything_open, settle, spent, take_up, write_down
from conversations.speaking import Voices, lately
from conversations.to_people import to_a_person
from personas.model import Persona
from rules.clock import Clock
from rules.kinds import Kind
from storage.engine import Database
from texts.problem import Problem

log = structlog.get_logger(__name__)

ENTRY = "model"
"""What an answer of its is called in the outbox."""
MOST_AT_ONCE = 4
"""Calls under way. Ours."""
LATE_WALL_MS = 10 * 60_000
"""An answer to what was asked longer ago is odder than none: a person looks. As for messages that waited. Ours."""
_LOOK_WALL_MS = 2_000
_SOON_WALL_MS = 100
_BROKEN_WALL_MS = 2_000
_SPARE_S = 20.0
"""On top of the time-out before somebody else may take a question up."""


class Asking:
    """`ask` writes a question down; `run` asks. Any process of a fleet may run it."""

    def __init__(
        self, config: LanguageModelConfig, voices: Voices, products: Products, db: Database, clock: Clock
    ) -> None:
        self._config = config
        self._voices = voices
        self._products = products
        self._knowledge = Knowledge(voices, products)
        self._db = db
        self._clock = clock
        self._model = LanguageModel(config)
        self._wake = asyncio.Event()

    async def ask(self, tx: AsyncConnection, heard: Heard, persona: Persona) -> bool:
        """Is it asked? Not what is too long, not beyond the budget. Part of the message's own transaction."""
        if not may_be_asked(heard.words):
            return False
        so_far = await spent(tx, heard.who.person, heard.now_ms)
        if so_far.calls >= self._config.calls_a_day or so_far.tokens >= self._config.tokens_a_day:
            return False
        if so_far.theirs >= self._config.calls_a_person or not await write_down(tx, heard):
            return False
        self._wake.set()  # it is looked for again where the transaction takes longer
        return True

    async def run(self) -> None:
        """Until cancelled. Raises nothing: whatever fails is tried again, or goes to a person."""
        try:
            while True:
                try:
                    busy = await self.turn()
                    pause_ms = 0 if busy else _SOON_WALL_MS if self._wake.is_set() else _LOOK_WALL_MS
                except (Problem, DBAPIError) as problem:
                    log.warning("questions_wait", problem=str(problem))
                    pause_ms = _BROKEN_WALL_MS
                self._wake.clear()
                if pause_ms:
                    await self._clock.wait(self._wake, self._clock.now_ms() + self._clock.span_ms(pause_ms))
                    await self._clock.sleep(self._clock.span_ms(_SOON_WALL_MS) / 1000)
        finally:
            await self._model.close()

    async def turn(self) -> int:
        """Take up what waits, ask, settle. Returns how many."""
        now_ms = self._clock.now_ms()
        async with self._db.read() as connection:
            if not await anything_open(connection, now_ms):
                return 0
        until_ms = now_ms + self._clock.span_ms(round((self._config.timeout_s + _SPARE_S) * 1000))
        async with self._db.write() as tx:
            taken = await take_up(tx, MOST_AT_ONCE, until_ms, now_ms)
        async with asyncio.TaskGroup() as group:
            for one in taken:
                group.create_task(self._one(one), name=f"question:{one.id}")
        return len(taken)

    async def _one(self, taken: Taken) -> None:
        """Ask with no transaction open; write what came of it down, whatever stops us now."""
        text, tokens, reason = await self._answer(taken)
        writing = asyncio.create_task(self._settle(taken, text, tokens, reason), name=f"question:{taken.id}:settle")
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await writing
            raise

    async def _answer(self, taken: Taken) -> tuple[str, int, str]:
        """(text, tokens, reason): the reason says why the text is not to be used."""
        late = self._clock.now_ms() - taken.asked_ms > self._clock.span_ms(LATE_WALL_MS)
        if taken.message is None or late or taken.tries > MOST_TRIES:
            return "", 0, "late"
        async with self._db.read() as connection:
            who = await find(connection, taken.account, taken.message.talker)
            said = await lately(connection, who, self._clock.now_ms()) if who else None
        if who is None or said is None:
            return "", 0, "late"
        heard = Heard.of(who, said, taken.message, taken.arrival, taken.asked_ms)
        meant = self._knowledge.product(heard)
        persona, shop = self._voices.persona_of(who), self._voices.shop
        try:
            told = await consult(self._model, self._config, persona, shop, self._products, heard.words, meant)
        except ModelFailed as failed:
            log.info("model_failed", account=taken.account, reason=failed.reason, problem=str(failed))
            return "", 0, failed.reason
        return told.text, told.tokens, told.reason

    async def _settle(self, taken: Taken, text: str, tokens: int, reason: str) -> None:
        now_ms = self._clock.now_ms()
        async with self._db.write() as tx:
            who = await find_to_answer(tx, taken.account, taken.message.talker) if taken.message else None
            said = await lately(tx, who, now_ms) if who else None
            answered = said is not None and said.times_of(Kind.STAFF_MESSAGE, taken.asked_ms) > 0
            if who is not None and (answered or who.held(now_ms)):
                reason = reason or HELD  # a person is with them by now
            if not await settle(tx, taken, reason=reason, tokens=tokens, now_ms=now_ms):
                return
            if who is None or said is None or taken.message is None or answered:
                return
            heard = Heard.of(who, said, taken.message, taken.arrival, now_ms)
            if reason:
                await to_a_person(tx, self._voices, heard, "unknown")
            else:
                entry = f"{ENTRY}_{taken.arrival}"  # two questions of one burst have two answers
                await answer_burst(tx, replace(heard, now_ms=now_ms), f"{text}{self._config.mark}", entry)
