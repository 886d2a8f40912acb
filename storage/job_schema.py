"""The tables of procrastinate, which hands the shards around among workers. On PostgreSQL only.

It ships its newest schema and the steps to it, but does not write down which of them a database has seen. We do, in
the comment of its main table: there it can be neither copied nor restored into a database where it is not true.
"""

from importlib import resources

from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, text


def upgrade_jobs(connection: Connection) -> None:
    """Bring procrastinate's tables to what the installed version expects. Does nothing where they are."""
    steps = _steps()
    newest = max(steps)
    known = text("SELECT oid, obj_description(oid) FROM to_regclass('procrastinate_jobs') AS oid WHERE oid IS NOT NULL")
    found = connection.execute(known).one_or_none()
    if found is None:
        _execute(connection, SchemaManager.get_schema())
    elif found[1] == newest:
        return
    else:  # without a comment somebody made the tables with procrastinate's own command: of today's version
        for name in sorted(step for step in steps if step > (found[1] or newest)):
            _execute(connection, steps[name])
    _execute(connection, f"COMMENT ON TABLE procrastinate_jobs IS '{newest}'")


def _steps() -> dict[str, str]:
    """procrastinate's own migrations by name: version, number and title, which sort by age."""
    folder = resources.files("procrastinate.sql.migrations")
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".sql")}


def _execute(connection: Connection, script: str) -> None:
    connection.exec_driver_sql(script.replace("%", "%%"))
