"""Everything needed to make the packaged weights again; run from a checkout."""
