"""The rows. One module a noun; every function's first argument is the open transaction."""
