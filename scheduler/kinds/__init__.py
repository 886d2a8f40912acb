"""What only one kind of campaign does: giveaway, contest, precise task, new arrivals, wake-up."""
