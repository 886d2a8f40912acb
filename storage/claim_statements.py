"""The words of the courier's statements before a send, for both databases; `storage.claiming` runs them.

Lists go in as one JSON parameter, so that a statement has one text however many lanes are due. What comes back in
many rows is one JSON value on SQLite; see `storage.statements`.
"""

from storage.statements import both

_HELD = "(SELECT id FROM campaigns WHERE state NOT IN ('running', 'cancelled', 'finished'))"
"""Campaigns whose rows wait for a person's word. Rows of a cancelled one come up, to be skipped with the reason; a
finished one has none but those that a person released from doubt."""

NEXT_DUE = {
    "sqlite": """
        SELECT a.value, min((
               SELECT min(o.due_ms) FROM outbox o
                WHERE o.account = a.value AND o.priority = p.value AND o.state = 'pending' AND o.due_ms > :now_ms))
          FROM json_each(:accounts) a CROSS JOIN json_each(:priorities) p GROUP BY a.value""",
    "postgresql": """
        SELECT a.value, min((
               SELECT min(o.due_ms) FROM outbox o
                WHERE o.account = a.value AND o.priority = CAST(p.value AS int) AND o.state = 'pending'
                  AND o.due_ms > :now_ms))
          FROM json_array_elements_text(CAST(:accounts AS json)) a(value)
         CROSS JOIN json_array_elements_text(CAST(:priorities AS json)) p(value) GROUP BY a.value""",
}

_COLUMNS = (
    "id, account, kind, priority, recipient, person, campaign, content, due_ms, valid_until_ms, created_ms, attempts"
)
_O_COLUMNS = ", ".join(f"o.{name}" for name in _COLUMNS.split(", "))
_O_JSON = f"json_group_array(json_array({_O_COLUMNS.replace('o.content', 'json(o.content)')}))"

# The ids come from the index alone, which also holds the campaign: a lane may have thousands of rows of a paused one.
_PAGE = {
    "sqlite": f"""
        SELECT {_O_JSON}
          FROM json_each(:accounts) a CROSS JOIN json_each(:priorities) p CROSS JOIN outbox o
         WHERE o.id IN (
               SELECT i.id FROM outbox i
                WHERE i.account = a.value AND i.priority = p.value AND i.state = 'pending' AND i.due_ms <= :now_ms
                  AND (i.campaign IS NULL OR i.campaign NOT IN {_HELD}) __OF_KINDS__
                ORDER BY i.due_ms, i.id LIMIT :rows)""",
    "postgresql": f"""
        SELECT {_O_COLUMNS}
          FROM json_array_elements_text(CAST(:accounts AS json)) a(value)
         CROSS JOIN json_array_elements_text(CAST(:priorities AS json)) p(value)
         CROSS JOIN LATERAL (
               SELECT id FROM outbox i
                WHERE account = a.value AND priority = CAST(p.value AS int) AND state = 'pending' AND due_ms <= :now_ms
                  AND (campaign IS NULL OR campaign NOT IN {_HELD}) __OF_KINDS__
                ORDER BY due_ms, id LIMIT :rows) i
          JOIN outbox o ON o.id = i.id""",
}
_OF_KINDS = {
    "sqlite": "AND i.kind IN (SELECT value FROM json_each(:kinds))",
    "postgresql": "AND i.kind IN (SELECT json_array_elements_text(CAST(:kinds AS json)))",
}
PAGE = {dialect: words.replace("__OF_KINDS__", "") for dialect, words in _PAGE.items()}
PAGE_OF_KINDS = {dialect: words.replace("__OF_KINDS__", _OF_KINDS[dialect]) for dialect, words in _PAGE.items()}

PAGE_TO = {
    "sqlite": f"""
        SELECT {_O_JSON} FROM (
        SELECT {_COLUMNS} FROM outbox
         WHERE account = :account AND priority BETWEEN 0 AND 99 AND state = 'pending' AND due_ms <= :now_ms
           AND recipient IN (SELECT value FROM json_each(:people))
           AND (campaign IS NULL OR campaign NOT IN {_HELD})
         ORDER BY priority, due_ms, id LIMIT :rows) o""",
    "postgresql": f"""
        SELECT {_COLUMNS} FROM outbox
         WHERE account = :account AND state = 'pending' AND due_ms <= :now_ms
           AND recipient IN (SELECT json_array_elements_text(CAST(:people AS json)))
           AND (campaign IS NULL OR campaign NOT IN {_HELD})
         ORDER BY priority, due_ms, id LIMIT :rows""",
}

_IDS = {
    "sqlite": "(SELECT value FROM json_each(:ids))",
    "postgresql": "(SELECT CAST(json_array_elements_text(CAST(:ids AS json)) AS bigint))",
}


_FACT_COLUMNS = """o.id, o.state = 'pending', p.opted_out_ms, p.muted_until_ms,
               CASE WHEN p.last_push_id = o.id THEN NULL ELSE p.last_push_ms END, p.kind, p.orders,
               f.last_in_ms, f.state, f.since_ms, c.state, c.overrides_weekly,
               p.call_me, COALESCE(f.nickname, p.name, ''), p.level, p.member_name,
               CASE WHEN p.orders = 0 AND f.last_in_ms IS NULL
                    THEN EXISTS (SELECT 1 FROM claims WHERE claims.person = p.id) ELSE FALSE END, p.id,
               CASE WHEN f.held_by IS NOT NULL THEN f.held_until_ms END, o.account"""
_FACT_TABLES = """
          FROM outbox o
          LEFT JOIN people g ON g.id = o.person
          LEFT JOIN people p ON p.id = COALESCE(g.merged_into, g.id)
          LEFT JOIN friendships f ON f.account = o.account AND f.contact = o.recipient
          LEFT JOIN campaigns c ON c.id = o.campaign
         WHERE o.id IN """
FACTS = {
    "sqlite": f"SELECT json_group_array(json_array({_FACT_COLUMNS})) {_FACT_TABLES} {_IDS['sqlite']}",
    "postgresql": f"SELECT {_FACT_COLUMNS} {_FACT_TABLES} {_IDS['postgresql']}",
}

# What nearly always happens after a send, apart: {id: gateway id}, and no column of an index but the state.
ACCEPT = {
    "sqlite": """
        UPDATE outbox SET state = 'accepted', gateway_id = v.value, reason = NULL, settled_ms = :now_ms
          FROM json_each(:rows) v
         WHERE outbox.id = CAST(v.key AS INTEGER) AND outbox.state IN ('sending', 'in_doubt')""",
    "postgresql": """
        UPDATE outbox SET state = 'accepted', gateway_id = v.value, reason = NULL, settled_ms = :now_ms
          FROM json_each_text(CAST(:rows AS json)) v
         WHERE outbox.id = CAST(v.key AS bigint) AND outbox.state IN ('sending', 'in_doubt')""",
}

# {id: text} as one JSON object: its keys and values need no further unpacking. On PostgreSQL {id: account} beside it:
# another process may give a row to another account between the look and the claim.
CLAIM = {
    "sqlite": """
        UPDATE outbox
           SET state = :state, text = v.value, sent_ms = :now_ms, attempts = attempts + 1, epoch = :epoch, reason = NULL
          FROM json_each(:rows) v
         WHERE outbox.id = CAST(v.key AS INTEGER) AND outbox.state = 'pending'""",
    "postgresql": """
        UPDATE outbox
           SET state = :state, text = v.value, sent_ms = :now_ms, attempts = attempts + 1, epoch = :epoch, reason = NULL
          FROM json_each_text(CAST(:rows AS json)) v
          JOIN json_each_text(CAST(:accounts AS json)) a ON a.key = v.key
         WHERE outbox.id = CAST(v.key AS bigint) AND outbox.state = 'pending' AND outbox.account = a.value
        RETURNING outbox.id""",
}

# All that a tick writes of what came back and of what goes, in one visit to the server.
TURN = f"""
    WITH claimed AS ({CLAIM["postgresql"]}),
    settled AS ({ACCEPT["postgresql"].replace(":rows", ":accepted")}),
    reserved AS (
        UPDATE people SET last_push_ms = :now_ms, last_push_id = CAST(v.value AS bigint),
               unanswered = unanswered + (SELECT count(*) FROM outbox w
                                           WHERE w.id = CAST(v.value AS bigint) AND w.kind = 'wake_up')
          FROM json_each_text(CAST(:week AS json)) v
         WHERE people.id = CAST(v.key AS bigint) AND CAST(v.value AS bigint) IN (SELECT id FROM claimed))
    SELECT id FROM claimed"""

PUT_OFF = {
    "sqlite": """
        UPDATE outbox SET due_ms = json_extract(v.value, '$[1]'), reason = json_extract(v.value, '$[2]')
          FROM json_each(:rows) v
         WHERE outbox.id = json_extract(v.value, '$[0]') AND outbox.state = 'pending'""",
    "postgresql": """
        UPDATE outbox SET due_ms = CAST(v.value->>1 AS bigint), reason = v.value->>2
          FROM json_array_elements(CAST(:rows AS json)) v(value)
         WHERE outbox.id = CAST(v.value->>0 AS bigint) AND outbox.state = 'pending'""",
}

SKIP = {
    "sqlite": """
        UPDATE outbox SET state = 'skipped', settled_ms = :now_ms, reason = json_extract(v.value, '$[1]'),
               text = json_extract(v.value, '$[2]')
          FROM json_each(:rows) v
         WHERE outbox.id = json_extract(v.value, '$[0]') AND outbox.state = 'pending'""",
    "postgresql": """
        UPDATE outbox SET state = 'skipped', settled_ms = :now_ms, reason = v.value->>1, text = v.value->>2
          FROM json_array_elements(CAST(:rows AS json)) v(value)
         WHERE outbox.id = CAST(v.value->>0 AS bigint) AND outbox.state = 'pending'""",
}

RESERVE_WEEK = """
    UPDATE people SET last_push_ms = :now_ms, last_push_id = v.value,
           unanswered = unanswered + (SELECT w.kind = 'wake_up' FROM outbox w WHERE w.id = v.value)
      FROM json_each(:rows) v WHERE people.id = CAST(v.key AS INTEGER)"""

STANDING = both("""
    SELECT 'shards', '', count(*), COALESCE(sum(epoch), 0) FROM shards WHERE owner = :owner
    UNION ALL SELECT 'all', '', 0, 0 FROM settings WHERE key = 'stop_all' AND value <> ''
    UNION ALL SELECT 'account', id, 0, 0 FROM accounts WHERE paused_by IS NOT NULL""")
NEWEST = both("SELECT COALESCE(max(id), 0) FROM outbox")
PLANNED_AFTER = both("SELECT DISTINCT account FROM outbox WHERE id > :id")
LOCK_PEOPLE = both(f"SELECT id FROM people WHERE id IN {_IDS['postgresql']} ORDER BY id FOR UPDATE")

# The pause counts from when a message was through, as far as that is known: an echo may have settled it much later.
SENT_SINCE = {
    dialect: f"""
        SELECT account, CASE WHEN state = 'accepted' AND settled_ms - sent_ms BETWEEN 0 AND 60000
                             THEN settled_ms ELSE sent_ms END, kind, recipient FROM outbox
         WHERE account IN {accounts} AND sent_ms > :since_ms ORDER BY sent_ms"""
    for dialect, accounts in (
        ("sqlite", "(SELECT value FROM json_each(:accounts))"),
        ("postgresql", "(SELECT json_array_elements_text(CAST(:accounts AS json)))"),
    )
}
POST_KINDS = {dialect: f"SELECT id, kind FROM posts WHERE id IN {ids}" for dialect, ids in _IDS.items()}
LAST_POSTS = {
    dialect: f"""
        SELECT p.kind FROM outbox o JOIN posts p ON p.id = {post}
         WHERE o.account = :account AND o.kind = 'moment' AND o.sent_ms IS NOT NULL
           AND o.state NOT IN ('failed', 'skipped', 'pending')
         ORDER BY o.sent_ms DESC LIMIT 2"""
    for dialect, post in (
        ("sqlite", "json_extract(o.content, '$.post')"),
        ("postgresql", "CAST(o.content->>'post' AS bigint)"),
    )
}

# The ponds that rows go to, locked until the claim is committed: two campaigns never both find the same week empty.
PONDS = {
    dialect: f"""
        SELECT o.id, p.name, p.removed, p.account, o.account, p.kind, p.room, o.recipient,
               CASE WHEN p.last_campaign_id = o.id THEN NULL ELSE p.last_campaign_ms END, p.rest_days,
               (SELECT value FROM settings WHERE key = 'staff_room')
          FROM outbox o JOIN ponds p ON p.name = {name}
         WHERE o.id IN {_IDS[dialect]} {lock}"""
    for dialect, name, lock in (
        ("sqlite", "json_extract(o.content, '$.pond.name')", ""),
        ("postgresql", "o.content->'pond'->>'name'", "ORDER BY p.name FOR UPDATE OF p"),
    )
}
RESERVE_PONDS = {
    "sqlite": """
        UPDATE ponds SET last_campaign_ms = :now_ms, last_campaign_id = v.value
          FROM json_each(:rows) v WHERE ponds.name = v.key""",
    "postgresql": """
        UPDATE ponds SET last_campaign_ms = :now_ms, last_campaign_id = CAST(v.value AS bigint)
          FROM json_each_text(CAST(:rows AS json)) v WHERE ponds.name = v.key""",
}
