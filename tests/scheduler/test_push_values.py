"""What a push says of each recipient: their birthday, in the calendar they keep it in."""

import pytest
from sqlalchemy import select

from personas.model import Goal
from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.campaign_files.goal_rule import require_goal
from scheduler.errors import PushRefused
from scheduler.pushes.push_file import PushFile
from scheduler.pushes.push_variables import Of, Variable, column_of
from storage.engine import Database
from storage.tables import Person
from tests.scheduler.matrix import account, friend
from tests.scheduler.test_campaigns import campaign
from tests.scheduler.test_wake_up import wake_up


async def test_a_birthday_is_said_as_people_say_it(database: Database) -> None:
    await account(database, "lin-1")
    known = [{"birthday_mmdd": 520}, {"birthday_mmdd": 815, "birthday_lunar": True}, {}]
    people = [await friend(database, "lin-1", since_ms=0, **values) for values in known]
    async with database.read() as connection:
        for variable, said in (
            (Variable(of=Of.BIRTHDAY), ["5月20日", "农历8月15日", None]),
            (Variable(of=Of.BIRTHDAY, default="生日那天"), ["5月20日", "农历8月15日", "生日那天"]),
        ):
            query = select(Person.id, column_of(variable, 0)).where(Person.id.in_(people)).order_by(Person.id)
            assert [row[1] for row in (await connection.execute(query)).all()] == said


FULI = {"name": "fuli", "title": "福利", "who": {"levels": ["VIP1"]}, "words": {"default": "今晚"}}


@pytest.mark.parametrize("what", [PushFile.model_validate(FULI), campaign(), wake_up()])
def test_a_shop_that_lives_by_word_of_mouth_pushes_nothing(what: PushFile | CampaignFile) -> None:
    require_goal(Goal.REPURCHASE, what)
    with pytest.raises(PushRefused, match="口碑") as refused:
        require_goal(Goal.WORD_OF_MOUTH, what)
    assert "care.yaml" in refused.value.hint
