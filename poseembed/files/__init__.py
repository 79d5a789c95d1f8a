"""Things on disk: `atomic` writes them, `records`, `tables` and `poses` say what is in them."""
