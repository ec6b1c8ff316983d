"""How files reach players: `answers` says what is sent; `server`, or nginx as `nginx` makes it, sends it."""
