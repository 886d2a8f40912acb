"""What people write to us in files, with places, and what we say to them, in Chinese and English."""
