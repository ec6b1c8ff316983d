"""PostgreSQL: where it runs, who may do what in it, and how it is asked."""
