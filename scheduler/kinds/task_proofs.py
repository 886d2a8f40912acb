"""What people say to a precise task: that they will, and that they did, with the proof it asks for."""

from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.campaign_files.campaign_parts import PreciseTask, TaskKind
from scheduler.kinds.contests import keep
from scheduler.kinds.task_runs import look_soon
from scheduler.moments.materials import Source
from scheduler.participants.last_word import spoke_last
from scheduler.participants.participants import Answer, Standing, say_yes, settle, standing_of
from scheduler.participants.said import Heard, Said

_DONE = frozenset({
    "好了", "完成", "完成了", "已完成", "做好了", "搞定", "搞定了", "做完了", "弄好了", "已做", "done", "ok了",
})  # fmt: skip
_OF_KIND = {
    TaskKind.VISIT: ("逛", "看"),
    TaskKind.FAVOURITE: ("收藏",),
    TaskKind.ADD_TO_CART: ("加购", "加", "加购物车"),
    TaskKind.PRE_ORDER: ("预订", "预定", "订", "定", "拍下", "下单"),
    TaskKind.HONEST_REVIEW: ("评价", "评", "写"),
    TaskKind.BUYER_SHOW: ("晒", "发", "拍"),
}
_ENDINGS = ("了", "好了", "过了", "完了")


async def hear(tx: AsyncConnection, campaign: int, file: CampaignFile, said: Said) -> Heard | None:
    """A proof, or the words that they did it; None for anything else: a plain yes is any campaign's."""
    assert file.task is not None  # noqa: S101  # its kind says so
    task, guest = file.task, said.guest
    standing = await standing_of(tx, campaign, guest.person)
    asked = standing is Standing.YES or said.photo is None
    if not asked and not await spoke_last(tx, campaign, guest.person):
        return None  # a picture of something else
    if standing is Standing.KEPT:
        return Heard("task_again") if said.photo or says_done(said.plain, task.what) else None
    if said.photo is not None and task.proof.picture:
        material = await keep(tx, guest, said.photo, Source.CHAT, said)
        await say_yes(tx, campaign, guest, None, said.now_ms, arrival=said.arrival, material=material)
    elif not says_done(said.plain, task.what):
        return None
    else:
        await say_yes(tx, campaign, guest, None, said.now_ms, arrival=said.arrival)
        if task.proof.picture:
            return Heard(f"task_send_{task.proof}")
    return await _did(tx, campaign, task, said)


def says_done(plain: str, what: TaskKind) -> bool:
    """Does a whole message say that it is done? `已收藏`, `加购好了`, `我逛过了`."""
    core = plain.removeprefix("我").removeprefix("都").removeprefix("已经").removeprefix("已")
    verbs = _OF_KIND[what]
    ends = any(core == f"{verb}{ending}" for verb in verbs for ending in _ENDINGS)
    return plain in _DONE or core in _DONE or ends or (core != plain and core in verbs)


async def _did(tx: AsyncConnection, campaign: int, task: PreciseTask, said: Said) -> Heard:
    """It counts, or waits for somebody's look."""
    if task.checked:
        return Heard("task_proof", notice="task_proof")
    await settle(tx, campaign, [said.guest.person], Answer.CAME, said.by, said.now_ms)
    await look_soon(tx, campaign, said.now_ms)
    return Heard("task_done")
