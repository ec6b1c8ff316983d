"""Staying useful while others fail: deadlines, retries with a budget, breakers, bulkheads, rate limits."""
