"""The rules of viewing: `beacons` takes reports, `counting` makes the counts of them, `live` shows them."""
