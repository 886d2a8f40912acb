"""The accounts as `status` and `accounts` show them: what is written of them, and what is true of them."""

from dataclasses import replace

from rich.table import Table

from reports.status import AccountStatus, FleetStatus
from reports.workers import Crew
from texts.catalogue import say
from wxfleet.terminal.terminal import table


def as_it_is(fleet: FleetStatus, crew: Crew, *, running: bool) -> FleetStatus:
    """A process that was killed wrote down that its accounts were online; whom nobody serves is stopped."""
    dark = {one.id for one in fleet.accounts if not running or one.id in crew.ownerless_accounts}
    accounts = (replace(one, state="stopped", detail=None) if one.id in dark else one for one in fleet.accounts)
    return replace(fleet, accounts=tuple(accounts))


def account_json(account: AccountStatus) -> dict[str, object]:
    return {
        "id": account.id, "persona": account.persona, "role": account.role, "state": account.shown_state,
        "friends": account.friends, "accepted_today": account.accepted_today,
        "messages_today": account.messages_today, "moments_today": account.moments_today,
    }  # fmt: skip


def accounts_table(fleet: FleetStatus) -> Table:
    shown = table(
        say("cli.col.account"), say("cli.col.role"), say("cli.col.state"), say("cli.col.friends"),
        say("cli.col.accepted"), say("cli.col.messages"), say("cli.col.moments"),
    )  # fmt: skip
    for account in fleet.accounts:
        state = say(f"cli.state.{account.shown_state}")
        shown.add_row(
            account.id, say(f"cli.role.{account.role}"), f"{state} {account.detail or ''}".strip(),
            f"{account.friends}/{account.friends_cap}", f"{account.accepted_today}/{account.accepts_allowed}",
            str(account.messages_today), str(account.moments_today),
        )  # fmt: skip
    return shown
