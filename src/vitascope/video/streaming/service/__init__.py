"""The rules of streaming: who may play, what a token opens, and how a file is answered."""
