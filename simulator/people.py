"""What customers do all day: they come, ask, claim, opt out and leave.

Streams of acts run on the agenda, each with its own dice; what a person answers depends on the person and on how much
they have heard, not on who else is busy. Nobody answers a bot twice in a row.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from simulator import lines
from simulator.agenda import Agenda
from simulator.crowd import contact_of, number_in
from simulator.errors import Refusal
from simulator.invitations import Reply, Step, next_step, replies_for, replies_to
from simulator.messages import Kind, Scene
from simulator.record import Received
from simulator.scenario import ChannelPlan
from simulator.seeds import dice
from simulator.shop import Shop
from simulator.world import World

_AWAKE_FROM, _AWAKE_UNTIL = 8, 23  # hours of the shop's day
_HOUR_MS = 3_600_000
_REACTION_REST_MS = 6 * _HOUR_MS
"""After one answer to a bot a person leaves the next ones alone that long."""

_TALKING_MS = 20 * 60_000
"""Who wrote within this time is in a conversation: what comes now is an answer."""

_NEW_MS = 30 * 60_000
_TRIES = 20
_WAIT_MINUTES = 1.0
"""People look again that often while an account's phone is still being switched on."""


class Customers:
    """Everybody who is neither staff nor one of our accounts."""

    def __init__(self, world: World, agenda: Agenda, shop: Shop) -> None:
        self.world = world
        self.agenda = agenda
        self.shop = shop
        self.scenario = world.scenario
        self._zone = ZoneInfo(self.scenario.zone)
        self._reacted_ms: dict[str, int] = {}
        self._steps: dict[tuple[str, str], set[Step]] = {}
        """Who takes part in something an account offered, and what they did for it since."""
        self._friend_ms: dict[tuple[str, str], int] = {}
        self._to_claim = [
            (account, contact_of(n)) for account, numbers in world.crowd.claiming.items() for n in numbers
        ]
        world.on_received(self._heard)
        world.on_friend(self._befriended)

    def begin(self) -> None:
        """Let the streams flow from now on."""
        plan = self.scenario
        self._stream("requests", plan.requests_per_minute, self._add_account)
        self._stream("chats", plan.chats_per_hour / 60, self._chat)
        self._stream("claims", plan.claims_per_hour / 60, self._claim)
        self._stream("opt-outs", plan.opt_outs_per_hour / 60, self._opt_out)
        self._stream("look-alikes", plan.look_alikes_per_hour / 60, self._look_alike)
        self._stream("leaves", plan.leaves_per_hour / 60, self._leave)
        self._stream("outsiders", plan.outsiders_per_hour / 60, self._try_command)
        self._stream("joins", len(plan.rooms) * plan.joins_per_hour / 60, self._join)
        self._stream("room-questions", len(plan.rooms) * plan.room_questions_per_hour / 60, self._ask_in_room)

    # --- streams ----------------------------------------------------------------------------------------------------

    def _stream(self, name: str, per_minute: float, act: Callable[[Random], None]) -> None:
        """Do `act` again and again, `per_minute` times on average, while people are awake."""
        if per_minute <= 0 or not self.scenario.accounts:
            return
        roll = dice(self.scenario.seed, self.world.state.runs, name)

        def once() -> None:
            try:
                act(roll)
            finally:
                again()

        def again() -> None:
            gap_ms = round(roll.expovariate(per_minute) * 60_000)
            self.agenda.at(self._awake_ms(self.world.clock.now_ms() + gap_ms, roll), once)

        again()

    def _awake_ms(self, when_ms: int, roll: Random) -> int:
        """The same moment in the day; a moment at night becomes one of the next morning."""
        when = datetime.fromtimestamp(when_ms / 1000, UTC).astimezone(self._zone)
        if _AWAKE_FROM <= when.hour < _AWAKE_UNTIL:
            return when_ms
        morning = when.replace(hour=_AWAKE_FROM, minute=0, second=0, microsecond=0)
        if when.hour >= _AWAKE_UNTIL:
            morning += timedelta(days=1)
        return round(morning.timestamp() * 1000) + roll.randrange(20 * 60_000)

    def _add_account(self, roll: Random) -> None:
        channel = roll.choice(self.scenario.channels) if self.scenario.channels else None
        account = roll.choice(channel.accounts) if channel else roll.choice(self.scenario.accounts).id
        hello = self._hello(roll, channel)
        scene = Scene.QR_CODE if channel else Scene.WEIXIN
        self._when_attached(account, lambda: self.world.ask(self.world.newcomer(), account, hello, scene))

    def _hello(self, roll: Random, channel: ChannelPlan | None) -> str:
        nickname = roll.choice(("花花", "小鱼", "安安", "果果妈妈"))
        if channel is None or roll.random() < 0.25:
            return roll.choice(lines.HELLOS).format(brand=self.scenario.brand, nickname=nickname)
        words = roll.choice(lines.HELLOS_WITH_CODE)
        return words.format(channel=channel.name, code=channel.code, brand=self.scenario.brand)

    def _chat(self, roll: Random) -> None:
        account, contact = self._somebody(roll)
        kind = roll.random()
        if kind < 0.55:
            self._say(contact, account, roll.choice(lines.QUESTIONS))
        elif kind < 0.70:
            self._say(contact, account, roll.choice(lines.ODD))
        elif kind < 0.85:
            self._say(contact, account, roll.choice(lines.SMALL_TALK))
        elif kind < 0.93:
            self._say(contact, account, lines.STICKER, Kind.EMOTICON)
        else:
            self._say(contact, account, lines.PICTURE, Kind.IMAGE)

    def _claim(self, roll: Random) -> None:
        while self._to_claim:
            account, contact = self._to_claim.pop(roll.randrange(len(self._to_claim)))
            if self._has_claimed(contact):
                continue
            self._send_order_number(contact, account, roll)
            return

    def _opt_out(self, roll: Random) -> None:
        account, contact = self._somebody(roll)
        self._say(contact, account, roll.choice(lines.OPT_OUTS))

    def _look_alike(self, roll: Random) -> None:
        account, contact = self._somebody(roll)
        self._say(contact, account, roll.choice(lines.LOOK_ALIKES))

    def _leave(self, roll: Random) -> None:
        account, contact = self._somebody(roll)
        self.world.leave(contact, account)

    def _try_command(self, roll: Random) -> None:
        """Somebody who is not staff has heard that one can write such things."""
        account, contact = self._somebody(roll)
        self._say(contact, account, roll.choice(lines.OUTSIDERS_COMMANDS))

    def _join(self, roll: Random) -> None:
        """One or several at once, as when somebody invites friends."""
        room = roll.choice(self.scenario.rooms)
        self.world.join(room.id, *(self.world.newcomer() for _ in range(roll.choice((1, 1, 2, 4)))))

    def _ask_in_room(self, roll: Random) -> None:
        room = roll.choice(self.scenario.rooms)
        account = self.world.accounts[roll.choice(room.accounts)]
        ours = {account.contact for account in self.world.accounts.values()}
        people = [member for member in self.world.rooms.members(room.id) if member not in ours]
        if not people:
            raise Refusal("nobody is there to ask")
        text = f"@{account.nickname}\u2005{roll.choice(lines.QUESTIONS)}"
        self.world.say(roll.choice(people), room.id, Kind.TEXT, text, mentions=(account.contact,))

    # --- reactions --------------------------------------------------------------------------------------------------

    def _befriended(self, account: str, contact: str) -> None:
        """A new friend, or an account that added somebody on the phone: some have something to say soon."""
        self._friend_ms[account, contact] = self.world.clock.now_ms()
        roll = dice(self.scenario.seed, "friend", contact, account)
        kind = roll.random()
        if self.world.crowd.buyer(contact) is not None and kind < 0.6:
            self.agenda.after(roll.uniform(2, 10), lambda: self._send_order_number(contact, account, roll))
        elif kind < 0.75:
            question = roll.choice(lines.QUESTIONS)
            self.agenda.after(roll.uniform(1, 6), lambda: self._say(contact, account, question))
        elif kind < 0.79:
            words = roll.choice(lines.OPT_OUTS)
            self.agenda.after(roll.uniform(8, 30), lambda: self._say(contact, account, words))
        elif kind < 0.83:
            words = roll.choice(lines.LOOK_ALIKES)
            self.agenda.after(roll.uniform(3, 20), lambda: self._say(contact, account, words))
        elif kind < 0.86:
            self.agenda.after(roll.uniform(15, 60), lambda: self.world.leave(contact, account))

    def _heard(self, received: Received) -> None:
        if received.to in self.world.staff or self.world.account_with(received.to):
            return
        if number_in(received.to) is None:
            return
        roll = dice(self.scenario.seed, "react", received.to, len(self.world.record.received(received.to)))
        if act := self._go_on(received, roll):
            self.agenda.after(roll.uniform(1, 5), act)
        elif self._may_react(received) and (act := self._reaction(received, roll)):
            self._reacted_ms[received.to] = received.at_ms
            self.agenda.after(roll.uniform(1, 15), act)

    def _may_react(self, received: Received) -> bool:
        last_ms = self._reacted_ms.get(received.to)
        return last_ms is None or received.at_ms - last_ms >= _REACTION_REST_MS

    def _reaction(self, received: Received, roll: Random) -> Callable[[], object] | None:
        account, contact, chance = received.account, received.to, roll.random()
        if received.kind is Kind.CARD:
            sibling = self.world.account_with(received.text)
            return self._following_card(contact, account, sibling, roll) if sibling and chance < 0.5 else None
        if self._in_conversation(received):
            return self._answer(contact, account, lines.THANKS, roll) if chance < 0.1 else None
        if replies := replies_to(received.text):
            return self._take_part(contact, account, replies, chance, roll)
        if chance < 0.25:
            return self._answer(contact, account, lines.THANKS, roll)
        if chance < 0.40:
            return self._answer(contact, account, lines.HOW_TO_BUY, roll)
        if chance < 0.45:
            return self._answer(contact, account, lines.OPT_OUTS, roll)
        if chance < 0.47:
            return lambda: self.world.leave(contact, account)
        return None

    def _take_part(
        self, contact: str, account: str, replies: Sequence[Reply], chance: float, roll: Random
    ) -> Callable[[], object] | None:
        if chance < 0.45:
            self._steps[contact, account] = set()
            return self._sending(contact, account, roll.choice(replies))
        return self._answer(contact, account, lines.DECLINES, roll) if chance < 0.55 else None

    def _go_on(self, received: Received, roll: Random) -> Callable[[], object] | None:
        """Who wants to take part does what the answer still asks for, each thing once; some forget."""
        taken = self._steps.get((received.to, received.account))
        step = next_step(received.text)
        if taken is None or step is None or step in taken or not self._in_conversation(received):
            return None
        taken.add(step)
        reply = roll.choice(replies_for(step, received.text))
        return self._sending(received.to, received.account, reply) if roll.random() < 0.8 else None

    def _sending(self, contact: str, account: str, reply: Reply) -> Callable[[], object]:
        return lambda: self._say(contact, account, reply.text, reply.kind)

    def _in_conversation(self, received: Received) -> bool:
        """Did they write just now, or become friends just now? Then this is no news from the shop."""
        said_ms = self.world.record.last_said_ms(received.to, received.account)
        friend_ms = self._friend_ms.get((received.account, received.to))
        return (said_ms is not None and received.at_ms - said_ms < _TALKING_MS) or (
            friend_ms is not None and received.at_ms - friend_ms < _NEW_MS
        )

    def _answer(self, contact: str, account: str, words: Sequence[str], roll: Random) -> Callable[[], object]:
        text = roll.choice(words)
        return lambda: self._say(contact, account, text)

    def _following_card(self, contact: str, account: str, sibling: str, roll: Random) -> Callable[[], object] | None:
        if contact in self.world.accounts[sibling].friends:
            return None
        hello = roll.choice(lines.HELLOS_BY_CARD).format(nickname=self.world.accounts[account].nickname)

        def add() -> None:
            self._when_attached(sibling, lambda: self.world.ask(contact, sibling, hello, Scene.CARD))

        return add

    # --- how they do it ---------------------------------------------------------------------------------------------

    def _somebody(self, roll: Random) -> tuple[str, str]:
        """An account and a friend of it who has not left. Raises Refusal when the dice find none."""
        for _ in range(_TRIES):
            account = roll.choice(self.scenario.accounts).id
            old, new = self.world.crowd.ranges[account], self.world.record.accepts(account)
            if not old and not new:
                continue
            place = roll.randrange(len(old) + len(new))
            contact = contact_of(old[place]) if place < len(old) else new[place - len(old)][1]
            if self.world.accounts[account].friends.reaches(contact):
                return account, contact
        raise Refusal("nobody is there to do it")

    def _say(self, contact: str, account: str, text: str, kind: Kind = Kind.TEXT) -> None:
        self._when_attached(account, lambda: self.world.say(contact, account, kind, text))

    def _has_claimed(self, contact: str) -> bool:
        own = self.shop.numbers_of(contact)
        return any(number in said.text for said in self.world.record.said(contact) for number in own)

    def _send_order_number(self, contact: str, account: str, roll: Random) -> None:
        numbers = self.shop.numbers_of(contact)
        if numbers:
            self._say(contact, account, roll.choice(lines.CLAIMS).format(number=roll.choice(numbers)))

    def _when_attached(self, account: str, act: Callable[[], object]) -> None:
        """Do it, once somebody has read this account's events since the world began: earlier it would be lost."""
        if account in self.world.attached:
            act()
        else:
            self.agenda.after(_WAIT_MINUTES, lambda: self._when_attached(account, act))
