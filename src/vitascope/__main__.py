"""`python -m vitascope` is `vitascope`."""

from vitascope.runtime.cli import main

if __name__ == "__main__":
    main()
