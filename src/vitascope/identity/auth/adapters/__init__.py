"""What sign-in needs from outside."""
