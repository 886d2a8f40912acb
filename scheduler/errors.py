"""What can go wrong when something is planned."""

from collections.abc import Sequence

from texts.catalogue import say
from texts.nearest import nearest
from texts.problem import ExitCode, Problem


class NoSuchCampaign(Problem):
    """An id or a name that no campaign or push file has."""

    exit_code = ExitCode.NOT_FOUND

    def __init__(self, campaign: object) -> None:
        super().__init__(
            say("scheduler.no_such_campaign", campaign=campaign), hint=say("scheduler.no_such_campaign.hint")
        )


class MoveRefused(Problem):
    """A campaign can't go there from where it is: a finished one is not started, a cancelled one not resumed."""

    exit_code = ExitCode.REFUSED_BY_POLICY

    def __init__(self, name: str, state: str, move: str) -> None:
        super().__init__(
            say("scheduler.move_refused", name=name, state=say(f"scheduler.state.{state}"), move=move),
            hint=say("scheduler.move_refused.hint"),
        )


class WordsIncomplete(Problem):
    """The words of a push can't be made for everybody it would reach. Nothing was planned."""

    exit_code = ExitCode.REFUSED_BY_POLICY

    def __init__(self, name: str, faults: list[str]) -> None:
        super().__init__(
            say("scheduler.words_incomplete", name=name, faults=say("texts.comma").join(faults)),
            hint=say("scheduler.words_incomplete.hint"),
        )


class NoCodes(Problem):
    """A file that is no table or list of coupon codes."""

    exit_code = ExitCode.USAGE

    def __init__(self, file: str) -> None:
        super().__init__(say("coupons.no_header", file=file), hint=say("coupons.no_header.hint"))


class NoSuchPool(Problem):
    """No pool of coupon codes has that name."""

    exit_code = ExitCode.NOT_FOUND

    def __init__(self, pool: str, known: Sequence[str]) -> None:
        near = nearest(pool, list(known))
        hint = say("operations.meant", near=near) if near else say("coupons.no_pool.hint")
        super().__init__(say("coupons.no_pool", pool=pool), hint=hint)


class BenefitRefused(Problem):
    """A benefit that can't be given or taken back: `reason` as in the words `scheduler.benefit.<reason>`."""

    exit_code = ExitCode.REFUSED_BY_POLICY

    def __init__(self, reason: str, **values: object) -> None:
        self.reason = reason
        super().__init__(
            say(f"scheduler.benefit.{reason}", **values),  # type: ignore[arg-type]
            hint=say(f"scheduler.benefit.{reason}.hint", **values),  # type: ignore[arg-type]
        )


class PushRefused(Problem):
    """A push that must not start: nobody to reach, past its validity, or for people who are no VIPs."""

    exit_code = ExitCode.REFUSED_BY_POLICY

    def __init__(self, reason: str, **values: object) -> None:
        super().__init__(
            say(f"scheduler.refused.{reason}", **values),  # type: ignore[arg-type]
            hint=say(f"scheduler.refused.{reason}.hint"),
        )


class GiftRefused(Problem):
    """A red packet or a gift that goes beyond a budget, was given already, or reaches nobody."""

    exit_code = ExitCode.REFUSED_BY_POLICY

    def __init__(self, reason: str, **values: object) -> None:
        super().__init__(
            say(f"scheduler.gift.{reason}", **values),  # type: ignore[arg-type]
            hint=say(f"scheduler.gift.{reason}.hint"),
        )


class NoSuchMaterial(Problem):
    """No photo of the library has that number."""

    exit_code = ExitCode.NOT_FOUND

    def __init__(self, material: object) -> None:
        super().__init__(
            say("scheduler.no_such_material", material=material), hint=say("scheduler.no_such_material.hint")
        )


class MaterialRefused(Problem):
    """A photo that must not, or can't yet, be posted."""

    exit_code = ExitCode.REFUSED_BY_POLICY

    def __init__(self, material: object, reason: str) -> None:
        super().__init__(
            say(f"scheduler.material.{reason}", material=material),
            hint=say(f"scheduler.material.{reason}.hint", material=material),
        )


class PostRefused(Problem):
    """A post that staff want must not appear like this."""

    exit_code = ExitCode.REFUSED_BY_POLICY

    def __init__(self, reason: str, **values: object) -> None:
        super().__init__(
            say(f"scheduler.post_refused.{reason}", **values),  # type: ignore[arg-type]
            hint=say(f"scheduler.post_refused.{reason}.hint"),
        )


class CampaignRefused(Problem):
    """A campaign that must not start as it is written; every reason at once."""

    exit_code = ExitCode.REFUSED_BY_POLICY

    def __init__(self, title: str, wrong: Sequence[str]) -> None:
        super().__init__(
            say("scheduler.campaign_refused", title=title, wrong="\n".join(wrong)),
            hint=say("scheduler.campaign_refused.hint"),
        )


class LessonRefused(Problem):
    """Somebody who can't begin or go on with lessons, and why."""

    exit_code = ExitCode.REFUSED_BY_POLICY

    def __init__(self, reason: str, **values: object) -> None:
        super().__init__(
            say(f"scheduler.lesson.{reason}", **values),  # type: ignore[arg-type]
            hint=say(f"scheduler.lesson.{reason}.hint"),
        )


class DrawRefused(Problem):
    """A draw that can't be made, or that was made already: `reason` as in the words `scheduler.draw.<reason>`."""

    exit_code = ExitCode.REFUSED_BY_POLICY

    def __init__(self, reason: str, **values: object) -> None:
        self.reason = reason
        super().__init__(
            say(f"scheduler.draw.{reason}", **values),  # type: ignore[arg-type]
            hint=say(f"scheduler.draw.{reason}.hint", **values),  # type: ignore[arg-type]
        )


class NoSuchPond(Problem):
    """Nobody wrote such a group into ponds/."""

    exit_code = ExitCode.NOT_FOUND

    def __init__(self, word: str, known: Sequence[str]) -> None:
        near = nearest(word, list(known))
        hint = say("operations.meant", near=near) if near else say("ponds.no_pond.hint")
        super().__init__(say("ponds.no_pond", pond=word), hint=hint)


class PondRefused(Problem):
    """A campaign that must not go to a group: `reason` as in the words `reason.<reason>`."""

    exit_code = ExitCode.REFUSED_BY_POLICY

    def __init__(self, title: str, reason: str, *, free_at: str = "") -> None:
        self.reason = reason
        why = say(f"reason.{reason}")
        hint = say("ponds.refused.free", at=free_at) if free_at else say("ponds.refused.hint")
        super().__init__(say("ponds.refused", title=title, why=why), hint=hint)
