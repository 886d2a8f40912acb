"""Channels (渠道): whose QR code is shown, on which card and in which text, and what it cost."""
