"""The command line: arguments and environment in, text and an exit status out."""
