"""What screens, reports and sheets show of somebody unless their rights say otherwise: enough to tell people apart.

Addresses are not kept at all: an import passes over them.
"""

_SHOWN_AHEAD, _SHOWN_BEHIND = 3, 4


def masked_phone(phone: str | None) -> str:
    """`138****1234`; '' for none. What is too short to hide anything in is hidden whole."""
    if not phone:
        return ""
    if "*" in phone:
        return phone
    if len(phone) <= _SHOWN_AHEAD + _SHOWN_BEHIND:
        return "*" * len(phone)
    return phone[:_SHOWN_AHEAD] + "****" + phone[-_SHOWN_BEHIND:]


def masked_name(name: str | None) -> str:
    """A receiver as the shop's own back office shows them: the first character, `小**`."""
    return name[0] + "**" if name else ""
