"""What staff may ask: request, permission, act, audit."""
