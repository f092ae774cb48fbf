"""What we ask of a target, one file a thing. A probe owns nothing, keeps nothing, never raises for what a peer does."""
