"""What only one kind of campaign does: giveaway, contest, precise task, votes on styles."""
