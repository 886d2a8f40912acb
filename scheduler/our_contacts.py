"""Who is of the shop: never an audience, whatever else they are."""

from sqlalchemy import CompoundSelect, select, union_all

from storage.staff_tables import StaffContact
from storage.tables import Account


def ours() -> CompoundSelect[str]:
    """Contacts of staff and of our own accounts, whether or not a synchronisation has marked the people yet."""
    return union_all(
        select(StaffContact.contact), select(Account.self_contact).where(Account.self_contact.is_not(None))
    )
