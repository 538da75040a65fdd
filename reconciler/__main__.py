"""`python -m reconciler`: the same as the `qpki` command."""

from reconciler.cli.main import main

if __name__ == "__main__":
    main()
