"""What HTTP messages of Sigil say: types of the treasury's API, problems, and what a service says
of a use. spec/3-challenge.md §5, spec/4-purchase.md §7.
"""
