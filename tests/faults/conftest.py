"""A server that may be treated badly."""

from collections.abc import Iterator

import pytest

from tests.faults.postgres import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with Server() as one:
        yield one
