"""Groups of customers (鱼塘): whose they are, what is said in them, how full they are."""
