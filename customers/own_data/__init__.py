"""What is held of somebody, where, and how long: shown to them, and erased when they wish."""
