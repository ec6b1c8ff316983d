"""Keep answers that are dear to make, in this process or in Redis, without stampedes."""
