"""The command line: thin. Arguments in, calls, rendering out."""
