"""Tables, transactions, migrations, and the few statements of the outbox and inbox."""
