"""Which column of which table holds what about a customer: what an export shows and an erasure removes.

Every table stands here with every column; a test says so when a new one does not.
"""

from collections.abc import Mapping

from sqlalchemy import and_, null, or_

from customers.own_data.personal_data import Holding, bare_order, by_staff, numbered, of_person, says, stand_in
from rules.kinds import Kind
from storage.campaign_tables import (
    BenefitGiven,
    BenefitOffered,
    Campaign,
    CouponCode,
    CouponPool,
    CouponUse,
    Material,
    Participant,
    Phase,
    Post,
    PushPlan,
)
from storage.care_tables import CareDay, LessonGiven, Pupil
from storage.conversation_tables import Question, Wait
from storage.customer_tables import (
    BoughtItem,
    ChannelCost,
    ChannelSwitch,
    ClaimTry,
    Consent,
    DoNotContact,
    Item,
    LevelMove,
    OrderVersion,
    PersonNote,
    PersonTag,
    PersonVersion,
    ProfileChange,
    Referral,
    SavedMapping,
    SearchTerm,
)
from storage.entry_tables import Draw, Entry, PrizeWon, TaskRun
from storage.fleet_tables import Lane, LiveRequest, Repair, Shard, Worker
from storage.move_tables import Move
from storage.order_tables import Claim, ImportBatch, Merge, Order
from storage.pond_tables import Pond, PondAnswer, PondMember, Room
from storage.series_tables import Round, Series
from storage.staff_tables import Audit, CommandSeen, Confirmation, Invitation, StaffContact, StaffMember
from storage.tables import Account, Arrival, Base, Delivery, FriendRequest, Friendship, Person, Setting
from storage.task_tables import AccountProfile, Gift, LikeAsked, Task

TO_STAFF = (Kind.COMMAND_REPLY.value, Kind.ALERT.value, Kind.STAFF_NOTICE.value)
_NOTHING = null()

OF_PEOPLE: Mapping[type[Base], Holding] = {
    Person: Holding(
        kept="id kind level given_level tier orders net_paid_fen first_order_ms last_order_ms opted_out_ms"
        " muted_until_ms last_push_ms last_push_id preferred_persona birthday_lunar core distinct_items"
        " referred_net_fen kept_promises broken_promises unanswered erased_ms merged_into created_ms",
        theirs=of_person("id"),
        cleared={
            "name": "",
            "call_me": _NOTHING,
            "member_name": stand_in("member_name"),
            "phone": _NOTHING,
            "opted_out_by": "erased",
            "muted_by": _NOTHING,
            "birthday": _NOTHING,
            "birthday_mmdd": _NOTHING,
            "profile": _NOTHING,
            "share_code": _NOTHING,
        },
    ),
    Friendship: Holding(
        kept="id account person origin since_ms channel welcomed_ms last_in_ms heard_hour replies photos bond"
        " held_until_ms serves_ms",
        theirs=of_person("person"),
        cleared={
            "contact": stand_in("contact"),
            "nickname": "",
            "alias": "",
            "state": "gone",
            "held_by": _NOTHING,
            "waiting_since_ms": _NOTHING,
        },
    ),
    Order: Holding(
        kept="number person status paid_fen refund_fen items titles item_count shop created_ms paid_ms batch",
        theirs=lambda table, who: or_(
            table.c.number.in_(who.orders), and_(table.c.person.in_(who.people), table.c.number.not_in(who.hinted))
        ),
        cleared={"member_name": stand_in("member_name"), "receiver": "", "phone": ""},
    ),
    BoughtItem: Holding(kept="item person", theirs=of_person("person")),
    OrderVersion: Holding(
        kept="id batch number",
        theirs=lambda table, who: table.c.number.in_(who.orders),
        rewritten={"before": bare_order},
    ),
    Claim: Holding(
        kept="order_number person account claimed_ms", theirs=of_person("person"), cleared={"evidence": "erased"}
    ),
    ClaimTry: Holding(theirs=of_person("person"), deleted="id person account at_ms"),
    Merge: Holding(
        kept="id kept gone by merged_ms undone_ms undone_by",
        theirs=of_person("kept", "gone"),
        cleared={"evidence": "erased", "before": {"erased": True}},
    ),
    Referral: Holding(
        kept="id person referrer by at_ms state benefit order_number due_ms delivered_ms delivered_by reversed_ms",
        theirs=of_person("person", "referrer"),
        cleared={"evidence": "erased"},
    ),
    Consent: Holding(kept="id person what until_ms source at_ms", theirs=of_person("person"), cleared={"words": ""}),
    LevelMove: Holding(kept="id person before after why at_ms", theirs=of_person("person")),
    PersonVersion: Holding(theirs=of_person("person"), deleted="id batch person before"),
    SearchTerm: Holding(theirs=of_person("person"), deleted="term person"),
    PersonTag: Holding(theirs=of_person("person"), deleted="tag person by since_ms"),
    PersonNote: Holding(theirs=of_person("person"), deleted="id person text by at_ms"),
    ProfileChange: Holding(theirs=of_person("person"), deleted="id person field before after by at_ms"),
    # The file itself goes with the row: `scheduler.moments.materials` sweeps files that no row knows.
    Material: Holding(
        theirs=of_person("person"),
        deleted="id source account message person masked_name words file problem consent consent_ms consent_by added_by"
        " received_ms posted_ms removed_ms",
    ),
    Participant: Holding(
        kept="id campaign person state account choice arrival material invited_ms answered_ms settled_ms settled_by"
        " changed_ms",
        theirs=of_person("person"),
        cleared={"contact": _NOTHING},
    ),
    Entry: Holding(
        kept="id campaign person number state entered_ms changed_ms",
        theirs=of_person("person"),
        cleared={"size": _NOTHING, "material": _NOTHING},
    ),
    PrizeWon: Holding(
        kept="id campaign person number place prize benefit won_ms",
        theirs=of_person("person"),
        cleared={"size": _NOTHING},
    ),
    Gift: Holding(
        kept="id key person account kind amount_fen occasion day state task planned_by planned_ms done_by done_ms",
        theirs=of_person("person"),
        cleared={"note": ""},
    ),
    # A code that somebody had is never another's: it stays, at a person without a name.
    CouponCode: Holding(
        kept="id pool code expires_ms added_ms campaign person given_ms told", theirs=of_person("person")
    ),
    BenefitGiven: Holding(
        kept="id key benefit campaign person units code reverses by at_ms",
        theirs=of_person("person"),
        cleared={"note": ""},
    ),
    LikeAsked: Holding(theirs=of_person("person"), deleted="person account asked_ms"),
    Pupil: Holding(
        kept="id sequence person account state reason given started_ms started_by look_ms told_ms changed_ms",
        theirs=of_person("person"),
        cleared={"contact": _NOTHING},
    ),
    PondMember: Holding(theirs=lambda table, who: table.c.contact.in_(who.contacts), deleted="pond contact joined_ms"),
    PondAnswer: Holding(
        theirs=lambda table, who: table.c.contact.in_(who.contacts), deleted="id pond contact words asked_ms answered"
    ),
    Question: Holding(
        kept="id arrival account person state asked_ms until_ms tries tokens reason settled_ms",
        theirs=of_person("person"),
    ),
    Wait: Holding(
        kept="id friendship account person arrival why staff state since_ms from_ms look_ms told_ms ended_ms ended_by",
        theirs=of_person("person"),
    ),
    Move: Holding(
        kept="id person aim why from_account to_account state offered_ms look_ms changed_ms", theirs=of_person("person")
    ),
    FriendRequest: Holding(
        kept="id account scene channel state received_ms decided_ms",
        theirs=lambda table, who: table.c.contact.in_(who.contacts),
        cleared={"request": numbered, "contact": stand_in("contact"), "hello": "", "reason": "erased"},
    ),
    Delivery: Holding(
        kept="id account kind priority person campaign source due_ms valid_until_ms state attempts epoch created_ms"
        " sent_ms settled_ms",
        theirs=lambda table, who: or_(table.c.person.in_(who.people), table.c.to.in_(who.contacts)),
        cleared={
            "key": numbered,
            "to": stand_in("to"),
            "content": {},
            "text": _NOTHING,
            "gateway_id": _NOTHING,
            "echo": _NOTHING,
        },
        mentions="key content text reason",
        # What is said to a group names those who came into it.
        spoken=lambda table: or_(table.c.kind.in_(TO_STAFF), table.c.source.startswith("pond:", autoescape=True)),
        scanned=True,
    ),
    Arrival: Holding(
        kept="id account kind state received_ms handled_ms outcome",
        theirs=lambda table, who: or_(says(table.c.payload, who.contacts), says(table.c.event, who.contacts)),
        cleared={"event": numbered, "payload": _NOTHING},
        mentions="payload",
        spoken=by_staff,
        scanned=True,
    ),
}
"""Tables in which rows are a customer's."""

OF_STAFF: Mapping[type[Base], Holding] = {
    Audit: Holding(kept="id at_ms staff door verb outcome", mentions="request detail", scanned=True),
    Confirmation: Holding(kept="id code staff created_ms expires_ms used_ms", mentions="request"),
    LiveRequest: Holding(kept="id account verb state created_ms done_ms", mentions="payload result"),
    CommandSeen: Holding(kept="seen_ms", mentions="key"),
    Task: Holding(
        kept="id kind account holder delivery state created_ms expires_ms reminded_ms closed_ms closed_by",
        mentions="package title detail",
        spoken=lambda table: table.c.kind.not_in(("moment", "profile")),
    ),
    Repair: Holding(kept="account message since_ms", mentions="key values"),
}
"""Tables of staff's work, whose words may name customers."""

OF_THE_SHOP: Mapping[type[Base], Holding] = {
    Setting: Holding(kept="key value changed_ms"),
    Account: Holding(
        kept="id persona role main position holder mirror_of opened_ms time_zone armed simulated publisher limits"
        " removed state state_since_ms state_detail paused_by lost_ms lost_by self_contact contact_qr contact_qr_ms"
        " friends_listed first_sync_done_ms sync_cursor",
    ),
    Worker: Holding(kept="id kind node pid version started_ms heartbeat_ms timeout_ms stopping share"),
    Shard: Holding(kept="number epoch owner"),
    Lane: Holding(kept="account shard"),
    Room: Holding(kept="id topic staff owner_account last_campaign_ms"),
    Pond: Holding(
        kept="name title kind account spec rest_days removed changed_ms room members members_ms last_campaign_ms"
        " last_campaign_id welcome_id welcome_ms looks looks_ms"
    ),
    PushPlan: Holding(kept="campaign stage done_to control cut reached reason changed_ms"),
    Campaign: Holding(
        kept="id name title kind parent phase state spec preview overrides_weekly created_by created_ms starts_ms"
        " valid_until_ms state_reason changed_ms"
    ),
    CouponPool: Holding(kept="name added_by added_ms"),
    CouponUse: Holding(kept="campaign root pool held swept_to over changed_ms"),
    BenefitOffered: Holding(kept="id campaign name title units per_person value_fen pool"),
    AccountProfile: Holding(kept="account wanted seen seen_ms confirmed tried look_ms asked_ms judged_ms"),
    CareDay: Holding(kept="id zone day occasion done_to done_ms"),
    LessonGiven: Holding(kept="id pupil lesson key within_ms planned_ms sent_ms read_ms answered_ms"),
    Phase: Holding(kept="id campaign name kind due_ms until_ms state reason child invited_id invited changed_ms"),
    # A record of a draw knows entries by their numbers alone.
    Draw: Holding(
        kept="campaign commitment seed closes_ms state closed_with record drawn_ms drawn_by told_to changed_ms"
    ),
    TaskRun: Holding(kept="campaign state look_ms batches changed_ms"),
    Series: Holding(kept="name running by next_ms changed_ms"),
    Round: Holding(kept="id series day campaign reason made_ms"),
    Item: Holding(kept="id folded"),
    ImportBatch: Holding(kept="id kind files counts by created_ms finished_ms undone_ms undone_by"),
    StaffMember: Holding(kept="id name role shift accounts invited removed"),
    StaffContact: Holding(kept="contact staff"),
    Invitation: Holding(kept="code kind staff name role created_by expires_ms used_ms"),
    DoNotContact: Holding(kept="hash why added_ms"),
    ChannelCost: Holding(kept="id channel day shown cost_fen note by at_ms"),
    Post: Holding(kept="id key account day entry kind text media link due_ms"),
    ChannelSwitch: Holding(kept="id channel account why at_ms"),
    SavedMapping: Holding(kept="kind shop headers saved_ms"),
}
"""Tables that know nothing of customers. A sync's cursor is one id of a list, gone when the list was read."""

HOLDINGS: Mapping[type[Base], Holding] = {**OF_PEOPLE, **OF_STAFF, **OF_THE_SHOP}
