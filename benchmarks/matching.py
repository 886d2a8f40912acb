"""Finding the prepared answer: `python -m benchmarks.matching [--answers 500]`. One core, one thread; no ratio.

A persona of so many answers, each with six keywords and three questions. A fifth of the messages have a keyword in a
sentence, a fifth are a question with a wrong sign, and a fifth each are short, long and of a question's length and fit
nothing. What is found is found as `find` finds it for the screen, likeness to all questions included: asserted first.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from random import Random

from benchmarks.measuring import show_machine
from personas.model import Persona, ReplyEntry
from personas.replies import find
from rules.roles import PersonaKind

TARGET = 5_000
_SIGNS = (
    "的一是了我不人在他有这个上们来到时大地为子中你说生国年着就那和要她出也得里后自以会家可下而过天去能对小多然于心学么之都好看起发当没成只如"
    "事把还用第样道想作种开美总从无情己面最女但现前些所同日手又行意动方期它头经长儿回位分爱老因很给名法间斯知世什两次使身者被高已亲其进此话常与活"
    "正感见明问力理尔点文几定本公特做外孩相西果走将月十实向声车全信重三机工物气每并别真打太新比才便夫再书部水像眼等体却加电主界门利海受听表德少克"
    "衣裙裤衫码色料洗穿搭货单快递退换尺身高体重优惠折扣链接活动朋友圈晒照片颜面棉麻丝毛绒领袖腰肩长短松紧厚薄软硬"
)


def persona_of(answers: int, roll: Random) -> Persona:
    """Somebody with so many answers."""

    def words(low: int, high: int) -> str:
        return "".join(roll.choices(_SIGNS, k=roll.randint(low, high)))

    replies = tuple(
        ReplyEntry(
            name=f"answer-{number}", keywords=tuple(words(2, 5) for _ in range(6)),
            questions=tuple(words(6, 14) for _ in range(3)), answers=("好",),
        )
        for number in range(answers)
    )  # fmt: skip
    return Persona(id="clerk", kind=PersonaKind.ASSISTANT, name="小鱼", replies=replies)


def messages_to(persona: Persona, number: int, roll: Random) -> list[str]:
    """What people write to them, of all five kinds in turn."""

    def other(signs: int) -> str:
        return "".join(roll.choices(_SIGNS, k=signs))

    found = []
    for turn in range(number):
        entry = roll.choice(persona.replies)
        question, keyword = roll.choice(entry.questions), roll.choice(entry.keywords)
        place = roll.randrange(len(question))
        found.append((
            f"你好，{other(3)}{keyword}{other(4)}呀？",
            question[:place] + roll.choice(_SIGNS) + question[place + 1 :],
            f"{other(2)}{keyword[::-1]}～",
            "。".join(other(18) for _ in range(5)),
            other(roll.randint(4, 16)),
        )[turn % 5])  # fmt: skip
    return found


def rate(persona: Persona, messages: Sequence[str]) -> float:
    """Messages a second, near ones not looked for, as a conversation does it."""
    began_s = time.perf_counter()
    for message in messages:
        find(persona, message, near=False)
    return len(messages) / (time.perf_counter() - began_s)


def main(options: argparse.Namespace) -> None:
    show_machine()
    roll = Random(7)
    persona = persona_of(options.answers, roll)
    messages = messages_to(persona, options.messages, roll)
    for message in messages[:500]:  # lays the book out, too
        assert find(persona, message, near=False).chosen == find(persona, message).chosen, message
    runs = [rate(persona, messages) for _ in range(options.rounds)]
    each = "  ".join(f"{run:,.0f}" for run in runs)
    print(f"{options.answers} answers, {len(messages)} messages")
    print(f"  {statistics.median(runs):,.0f} messages/s   (target ≥ {TARGET:,}; rounds: {each})")
    for kind, name in enumerate(("keyword", "wrong sign", "short", "long", "nothing")):
        print(f"    {name:<11} {rate(persona, messages[kind::5]):>9,.0f} messages/s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.matching", description=__doc__)
    parser.add_argument("--answers", type=int, default=500)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    main(parser.parse_args())
