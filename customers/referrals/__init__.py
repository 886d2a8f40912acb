"""Who brought whom (老带新), partners, and when the thanks are due."""
