"""Rules as files become rules as they run: TOML in, compiled and checked rules out, or every error with its place."""
