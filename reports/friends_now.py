"""Who our friends are now, in people: somebody whom three accounts know is one."""

from sqlalchemy import Select, select

from storage.tables import Friendship, Person


def friends_now() -> Select[int]:
    """The customers who are a friend of at least one account, each once: one column, `person`."""
    return (
        select(Friendship.person)
        .join(Person, Person.id == Friendship.person)
        .where(Friendship.state == "friend", Person.kind == "customer", Person.merged_into.is_(None))
        .distinct()
    )
