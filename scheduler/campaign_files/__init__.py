"""What stands in the file of a campaign: its phases, their times, its kind; read, checked, and made into pushes."""
