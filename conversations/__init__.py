"""A customer wrote: opt-out, claim, answer, hand over."""
