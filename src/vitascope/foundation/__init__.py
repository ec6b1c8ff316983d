"""What every service stands on: no business words, and no import of anything else of ours."""
