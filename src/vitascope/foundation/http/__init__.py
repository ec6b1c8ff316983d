"""The HTTP side: problems, pages, entity tags, ranges, health, headers and the middleware that watches."""
