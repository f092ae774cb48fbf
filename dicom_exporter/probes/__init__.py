"""What we ask of a target: one file per thing. A probe owns nothing, keeps nothing, and never raises for what a peer
does."""
