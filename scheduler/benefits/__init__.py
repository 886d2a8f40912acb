"""What is given away: coupon codes, stock that is not promised twice, red packets and gifts."""
